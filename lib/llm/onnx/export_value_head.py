"""Exports a value model trained in PyTorch to ONNX, for the kit's `onnx:` critics.

    python export_value_head.py --model CHECKPOINT_FOLDER --out critic.onnx

CHECKPOINT_FOLDER is a Hugging Face folder: config.json and weights (model.safetensors, sharded or not,
pytorch_model.bin, or value_model.bin). The head is a linear layer from the last hidden state to one number; these are
found by their names:

    score.weight          verl, TRL's PPO (SequenceClassification, TokenClassification), OpenRLHF
    v_head.summary.weight TRL's AutoModelForCausalLMWithValueHead
    value_head.weight     OpenRLHF's older releases, xtuner
    lm_head.weight [1,h]  a language model whose head was replaced

each with or without `.bias`; `--head NAME` names another. Merge adapters, and the shards of FSDP or Megatron (verl:
`python -m verl.model_merger`), beforehand. Written is what the head says, without a sigmoid or a clamp:
inputs input_ids, attention_mask and position_ids [batch, tokens] (int64), output values [batch, tokens] (float32),
the value of the state after each token. tokenizer.json and tokenizer_config.json are copied beside the file.

Needs torch, transformers, onnx, onnxscript (tried: 2.13.0, 5.24.0, 1.23.2, 0.7.2); where onnxruntime is installed, too,
the file's values are compared with PyTorch's.
"""

import argparse
import inspect
import os
import shutil
import sys

import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

HEADS = ["score", "v_head.summary", "value_head", "lm_head"]
# One protobuf file holds less than 2 GiB.
LARGEST_SINGLE_FILE = 1_900_000_000


def fail(message):
    sys.exit(f"export_value_head.py: {message}")


class Weights:
    """The tensors of a folder's weight files, read one by one."""

    def __init__(self, folder):
        self.folder = folder
        names = sorted(os.listdir(folder))
        self.files = [n for n in names if n.endswith(".safetensors")]
        self.binaries = [] if self.files else [n for n in names if n.endswith("model.bin") or ("model-" in n and n.endswith(".bin"))]
        self.shapes, self.where, self.loaded = {}, {}, {}
        for name in self.files:
            with safe_open(os.path.join(folder, name), "pt") as file:
                for key in file.keys():
                    self.shapes[key] = tuple(file.get_slice(key).get_shape())
                    self.where[key] = name
        for name in self.binaries:
            # weights_only: a pickle must not run code.
            for key, tensor in torch.load(os.path.join(folder, name), map_location="cpu", weights_only=True).items():
                self.shapes[key], self.loaded[key] = tuple(tensor.shape), tensor
        if not self.shapes:
            fail(f"{folder}: no weights: give a folder with *.safetensors, pytorch_model.bin or value_model.bin")

    def __getitem__(self, key):
        if key in self.loaded:
            return self.loaded[key]
        with safe_open(os.path.join(self.folder, self.where[key]), "pt") as file:
            return file.get_tensor(key)


def find_head(weights, asked):
    """The name of the head: `score`, `v_head.summary`, ..."""
    if asked is not None:
        if f"{asked}.weight" not in weights.shapes:
            fail(f"--head {asked}: no {asked}.weight; one-row matrices: {one_row(weights)}")
        found = [asked]
    else:
        found = [h for h in HEADS if f"{h}.weight" in weights.shapes and (h != "lm_head" or weights.shapes["lm_head.weight"][0] == 1)]
    if len(found) != 1:
        fail(f"{' and '.join(found) or 'no value head'} found; one-row matrices: {one_row(weights)}; name one with --head")
    shape = weights.shapes[f"{found[0]}.weight"]
    if len(shape) != 2 or shape[0] != 1:
        fail(f"{found[0]}.weight has the shape {list(shape)}, not [1, hidden size]: it does not say one value a token")
    return found[0]


def one_row(weights):
    names = [k.removesuffix(".weight") for k, s in weights.shapes.items() if len(s) == 2 and s[0] == 1 and k.endswith(".weight")]
    return ", ".join(names) or "none"


def load_backbone(folder, config, weights):
    """The transformer without heads, in float32."""
    usual = any(name.startswith(("model", "pytorch_model")) for name in weights.files + weights.binaries)
    options = {"config": config, "dtype": torch.float32, "output_loading_info": True}
    if usual:
        model, info = AutoModel.from_pretrained(folder, local_files_only=True, **options)
    else:
        # Not a name that transformers looks for.
        with torch.device("meta"):
            kind = type(AutoModel.from_config(config))
        model, info = kind.from_pretrained(None, state_dict={key: weights[key] for key in weights.shapes}, **options)
    if info["missing_keys"]:
        fail(f"{folder}: no weights for {', '.join(sorted(info['missing_keys'])[:3])}: is this an adapter? Merge it first")
    return model.eval()


class ValueModel(torch.nn.Module):
    def __init__(self, backbone, weight, bias):
        super().__init__()
        self.backbone = backbone
        self.head = torch.nn.Linear(weight.shape[1], 1, bias=bias is not None)
        self.head.weight.data = weight.float()
        if bias is not None:
            self.head.bias.data = bias.float().reshape(1)

    def forward(self, input_ids, attention_mask, position_ids):
        # For families that number positions themselves.
        placed = {"position_ids": position_ids} if takes_positions(self.backbone) else {}
        hidden = self.backbone(input_ids=input_ids, attention_mask=attention_mask, use_cache=False, **placed).last_hidden_state
        return self.head(hidden).squeeze(-1)


def takes_positions(model):
    return "position_ids" in inspect.signature(model.forward).parameters


def example(vocabulary, batch, tokens):
    ids = (torch.arange(batch * tokens).reshape(batch, tokens) * 7 + 3) % vocabulary
    positions = torch.arange(tokens).expand(batch, tokens).contiguous()
    return ids, torch.ones_like(ids), positions


def export(model, vocabulary, out):
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    program = torch.onnx.export(
        model,
        example(vocabulary, 2, 7),
        dynamo=True,
        input_names=["input_ids", "attention_mask", "position_ids"],
        output_names=["values"],
        dynamic_shapes=(axes, axes, axes),
        verbose=False,
    )
    # The traces name the folders of this machine.
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
    size = sum(p.numel() * 4 for p in model.parameters())
    temporary = f"{out}.part"
    if size > LARGEST_SINGLE_FILE:
        # The second file's name is inside the first: no detour over a temporary name.
        program.save(out, external_data=True)
    else:
        program.save(temporary, external_data=False)
        os.replace(temporary, out)


def compare(model, vocabulary, out):
    """The largest difference to PyTorch's values, at another size than the exported one."""
    try:
        import onnxruntime
    except ImportError:
        return "not compared with PyTorch (onnxruntime is not installed)"
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    inputs = example(vocabulary, 1, 19)
    names = {i.name for i in session.get_inputs()}
    feeds = {n: x.numpy() for n, x in zip(["input_ids", "attention_mask", "position_ids"], inputs) if n in names}
    with torch.no_grad():
        expected = model(*inputs).numpy()
    difference = abs(session.run(["values"], feeds)[0] - expected).max()
    return f"largest difference from PyTorch's values: {difference:.1e}"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="folder with config.json and weights")
    parser.add_argument("--out", required=True, help="the ONNX file to write")
    parser.add_argument("--head", help="the head's name where it is none of " + ", ".join(HEADS))
    options = parser.parse_args(argv)
    if not os.path.isfile(os.path.join(options.model, "config.json")):
        fail(f"{options.model}: no config.json: give the folder of a Hugging Face checkpoint")

    # Its report of weights names the head as unexpected.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = AutoConfig.from_pretrained(options.model, local_files_only=True)
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ["dynamic", "longrope"]:
        fail(f"{config.model_type}: its rotary positions ({rope['rope_type']}) change with the length, which a file would fix")
    weights = Weights(options.model)
    head = find_head(weights, options.head)
    bias = weights[f"{head}.bias"] if f"{head}.bias" in weights.shapes else None
    model = ValueModel(load_backbone(options.model, config, weights), weights[f"{head}.weight"], bias).eval()

    vocabulary = config.get_text_config().vocab_size
    folder = os.path.dirname(os.path.abspath(options.out))
    os.makedirs(folder, exist_ok=True)
    export(model, vocabulary, options.out)
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        source = os.path.join(options.model, name)
        if os.path.isfile(source):
            shutil.copyfile(source, os.path.join(folder, name))
    print(f"{options.out}: {head}.weight{' and bias' if bias is not None else ''}; {compare(model, vocabulary, options.out)}")


if __name__ == "__main__":
    main()
