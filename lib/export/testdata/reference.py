"""Prints, as JSON, what transformers, onnx and tokenizers make of the exports in a folder: `reference.py FOLDER`.

A case is a folder in it with inputs.json and model.safetensors, model.onnx or tokenizer.json. ONNX files must pass
onnx.checker in full and are computed by onnx's own reference implementation; with a cache: five tokens, then one by one.

Needs transformers==5.24.0, torch==2.13.0 (CPU), onnx==1.23.2, tokenizers==0.23.3. make_reference.ts runs it.
"""

import json
import os
import sys

import numpy
import onnx
import tokenizers
import torch
import transformers
from onnx.reference import ReferenceEvaluator

HEADS = {"ArceeForCausalLM": "logits", "ArceeForTokenClassification": "values"}
FIRST_STEP = 5


def rounded(array):
    return [float(f"{x:.9g}") for x in numpy.asarray(array, dtype=numpy.float64).flatten()]


@torch.no_grad()
def arcee(folder, texts):
    outputs = {}
    for name in transformers.AutoConfig.from_pretrained(folder).architectures:
        model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
        assert not info["missing_keys"] and not info["mismatched_keys"], info
        model.eval()
        outputs[HEADS[name]] = []
        for text in texts:
            tokens, positions = (torch.tensor([text[key]]) for key in ("tokens", "positions"))
            out = model(input_ids=tokens, position_ids=positions, attention_mask=torch.ones_like(tokens))
            outputs[HEADS[name]] += rounded(out.logits)
    return {"outputs": outputs}


def onnx_model(path, texts):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    session = ReferenceEvaluator(model)
    names = [output.name for output in model.graph.output]
    empty = {
        value.name: numpy.zeros([d.dim_value or {"batch": 1}.get(d.dim_param, 0) for d in value.type.tensor_type.shape.dim], numpy.float32)
        for value in model.graph.input
        if value.name.startswith("past")
    }
    outputs = {}
    for text in texts:
        past, start, count = empty, 0, len(text["tokens"])
        steps = [min(FIRST_STEP, count), *range(FIRST_STEP + 1, count + 1)] if empty else [count]
        for end in steps:
            part = {"input_ids": text["tokens"], "position_ids": text["positions"]}
            part = {name: numpy.array([ids[start:end]]) for name, ids in part.items()}
            out = dict(zip(names, session.run(names, {**part, **past})))
            past = {k.replace("present", "past_key_values"): out.pop(k) for k in names if k.startswith("present")}
            for head, rows in out.items():
                outputs.setdefault(head, []).extend(rounded(rows))
            start = end
    return {"outputs": outputs}


def tokenizer(folder, text):
    fast = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    auto = transformers.AutoTokenizer.from_pretrained(folder)
    ids = fast.encode(text).ids
    assert auto(text).input_ids == ids and auto.decode(ids) == text
    assert fast.decode(ids, skip_special_tokens=False) == text
    try:
        fast.encode("Q nonsense Q")
        refuses = False
    except Exception:
        refuses = True
    return {"tokenizer": {"ids": ids, "refusesUnknown": refuses}}


def case(folder):
    with open(f"{folder}/inputs.json") as file:
        inputs = json.load(file)
    if os.path.exists(f"{folder}/model.onnx"):
        return onnx_model(f"{folder}/model.onnx", inputs)
    if os.path.exists(f"{folder}/tokenizer.json"):
        return tokenizer(folder, inputs["text"])
    return arcee(folder, inputs)


if __name__ == "__main__":
    cases = {name: case(os.path.join(sys.argv[1], name)) for name in sorted(os.listdir(sys.argv[1]))}
    versions = {module.__name__: module.__version__ for module in (transformers, torch, onnx, tokenizers)}
    json.dump({"versions": versions, "cases": cases}, sys.stdout)
