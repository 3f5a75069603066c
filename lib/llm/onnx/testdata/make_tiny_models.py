"""Writes the tiny models that the tests of lib/llm/onnx run, and what PyTorch says of them.

A Llama of two layers with random weights, once with a value head and once as a language model with a key-value cache
(the names of Optimum's exports), and a byte-level tokenizer that splits digits. Every layout of value heads that
export_value_head.py knows is exported and compared; one is kept.

Needs torch==2.13.0 (CPU), transformers==5.24.0, onnx==1.23.2, onnxscript==0.7.2, onnxruntime. Takes a minute.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, LlamaForTokenClassification, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import export_value_head  # noqa: E402

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def tokenizer():
    """Bytes, a few merges, digits one by one."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("<", "/"), ("Ġ", "="), ("a", "n"), ("s", "w"), ("an", "sw"), ("e", "r"), ("answ", "er")]
    names = SPECIAL + letters + [a + b for a, b in merges]
    made = Tokenizer(BPE(vocab={name: i for i, name in enumerate(names)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(SPECIAL)
    return made


def config(vocabulary):
    return LlamaConfig(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=False, initializer_range=0.3,
        bos_token_id=0, eos_token_id=2, pad_token_id=0, num_labels=1, classifier_dropout=0.0,
    )


class WithCache(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, position_ids, past):
        out = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=DynamicCache(past), use_cache=True,
        )
        present = [x for layer in out.past_key_values.layers for x in (layer.keys, layer.values)]
        return (out.logits, *present)


def export_causal(model, out):
    c = model.config
    head = c.hidden_size // c.num_attention_heads
    past = [tuple(torch.randn(2, c.num_key_value_heads, 3, head) for _ in range(2)) for _ in range(c.num_hidden_layers)]
    tokens = 4
    ids = torch.arange(2 * tokens).reshape(2, tokens) % c.vocab_size
    positions = torch.arange(3, 3 + tokens).expand(2, tokens).contiguous()
    batch, sequence, before = torch.export.Dim("batch"), torch.export.Dim("sequence"), torch.export.Dim("past")
    total = torch.export.Dim.AUTO
    names = [f"{i}.{kind}" for i in range(c.num_hidden_layers) for kind in ["key", "value"]]
    cache = {0: batch, 2: before}
    program = torch.onnx.export(
        WithCache(model), (ids, torch.ones(2, 3 + tokens, dtype=torch.int64), positions, past), dynamo=True, verbose=False,
        input_names=["input_ids", "attention_mask", "position_ids"] + [f"past_key_values.{n}" for n in names],
        output_names=["logits"] + [f"present.{n}" for n in names],
        dynamic_shapes=({0: batch, 1: sequence}, {0: batch, 1: total}, {0: batch, 1: sequence}, [(cache, cache)] * len(past)),
    )
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
    program.save(out, external_data=False)


def export_head(folder, out, *options):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        export_value_head.main(["--model", folder, "--out", out, *options])
    line = printed.getvalue().splitlines()[-1]
    print(line)
    assert float(line.split()[-1]) < 1e-5, line


def make_heads(critic, scratch):
    """The same critic in every layout; what each export says."""
    state = {k: v.contiguous() for k, v in critic.state_dict().items()}
    body = {k: v for k, v in state.items() if not k.startswith("score.")}
    weight, bias = state["score.weight"], state["score.bias"]
    unused = torch.randn(critic.config.vocab_size, critic.config.hidden_size)
    layouts = {
        "score": state,
        "v_head": {**body, "lm_head.weight": unused, "v_head.summary.weight": weight, "v_head.summary.bias": bias},
        "value_head": {**body, "value_head.weight": weight},
        "lm_head": {**body, "lm_head.weight": weight},
        "reward.out": {**body, "reward.out.weight": weight, "reward.out.bias": bias},
    }
    for name, tensors in layouts.items():
        for kind in ["safetensors", "bin"]:
            folder = os.path.join(scratch, f"{name} {kind}")
            os.makedirs(folder)
            critic.config.save_pretrained(folder)
            if kind == "safetensors":
                save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})
            else:
                torch.save(tensors, os.path.join(folder, "value_model.bin" if name == "lm_head" else "pytorch_model.bin"))
            options = ["--head", name] if "." in name else []
            export_head(folder, os.path.join(scratch, f"{name}.{kind}.onnx"), *options)
    return os.path.join(scratch, "score.safetensors.onnx")


def make_odd():
    """Models that a value critic has to refuse, each a few nodes over input_ids."""
    cast = helper.make_node("Cast", ["input_ids"], ["x"], to=TensorProto.FLOAT)
    mean = helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=1)
    node = helper.make_node
    odd = {
        "bidirectional": ([cast, mean, node("Add", ["x", "mean"], ["values"])], ["batch", "tokens"], "values"),
        "pooled": ([cast, node("ReduceMean", ["x"], ["logits"], axes=[1], keepdims=1)], ["batch", 1], "logits"),
        "two_labels": ([
            cast, node("Unsqueeze", ["x"], ["y"], axes=[2]), node("Concat", ["y", "y"], ["logits"], axis=2),
        ], ["batch", "tokens", 2], "logits"),
        "not_a_number": ([
            cast, node("Sub", ["x", "x"], ["zero"]), node("Div", ["zero", "zero"], ["values"]),
        ], ["batch", "tokens"], "values"),
        "other_output": ([cast, node("Identity", ["x"], ["reward"])], ["batch", "tokens"], "reward"),
        "other_input": ([cast, node("Identity", ["x"], ["values"])], ["batch", "tokens"], "values"),
    }
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
    types = helper.make_tensor_value_info("token_type_ids", TensorProto.INT64, ["batch", "tokens"])
    for name, (nodes, shape, output) in odd.items():
        values = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph = helper.make_graph(nodes, name, [ids] + ([types] if name == "other_input" else []), [values])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, os.path.join(HERE, f"{name}.onnx"))


def chats(made):
    """What transformers makes of chats."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", chat_template=CHAT_TEMPLATE)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3+4?"}]
    begun = turns + [{"role": "assistant", "content": "So <answer>"}]
    asked = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    goes_on = tokenizer.apply_chat_template(begun, tokenize=False, continue_final_message=True)
    return [{"messages": turns, "text": asked}, {"messages": begun, "text": goes_on}]


def main():
    torch.manual_seed(1)
    made = tokenizer()
    made.save(os.path.join(HERE, "tokenizer.json"))
    with open(os.path.join(HERE, "tokenizer_config.json"), "w") as file:
        json.dump({
            "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": CHAT_TEMPLATE,
        }, file, indent=1)
        file.write("\n")
    c = config(made.get_vocab_size())
    critic = LlamaForTokenClassification(c).eval()
    critic.score.bias.data.fill_(0.25)
    model = LlamaForCausalLM(c).eval()
    text = "3+14 = 17<|im_end|> é <answer>10</answer>"
    ids = made.encode(text).ids
    with torch.no_grad():
        values = critic(input_ids=torch.tensor([ids])).logits[0, :, 0].tolist()
        logits = model(input_ids=torch.tensor([ids])).logits[0, -1].tolist()
        long_ids = (ids * 8)[:120]
        long_logits = model(input_ids=torch.tensor([long_ids])).logits[0, -1].tolist()
        greedy = model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)[0, len(ids):].tolist()
    with tempfile.TemporaryDirectory() as scratch:
        kept = make_heads(critic, scratch)
        with open(kept, "rb") as source, open(os.path.join(HERE, "value_head.onnx"), "wb") as file:
            file.write(source.read())
    critic.save_pretrained(os.path.join(HERE, "value_model"))
    make_odd()
    export_causal(model, os.path.join(HERE, "causal_lm.onnx"))
    with open(os.path.join(HERE, "config.json"), "w") as file:
        json.dump({
            "model_type": "llama", "vocab_size": c.vocab_size, "max_position_embeddings": c.max_position_embeddings,
            "eos_token_id": 2, "hidden_size": 16, "num_attention_heads": 4, "num_key_value_heads": 2,
        }, file, indent=1)
        file.write("\n")
    with open(os.path.join(HERE, "expected.json"), "w") as file:
        json.dump({
            "text": text, "ids": ids, "values": values, "logits": logits, "greedy": greedy,
            "long": {"ids": long_ids, "logits": long_logits}, "chats": chats(made),
        }, file)
        file.write("\n")


if __name__ == "__main__":
    main()
