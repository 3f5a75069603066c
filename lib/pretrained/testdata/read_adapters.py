"""Prints as JSON what PEFT makes of adapters: of each folder in the folder that is the one argument, by name.

A folder has base/ (config.json, model.safetensors), adapter/, the same merged in merged/, and inputs.json, a list of token
lists. The output: of all tokens of all texts, in turn, logits or values; with the adapter, and merged.
"""

import json
import os
import sys

import torch
from peft import PeftConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification
from safetensors.torch import load_file


def outputs(folder):
    adapter = os.path.join(folder, "adapter")
    config = PeftConfig.from_pretrained(adapter)
    if config.task_type == "TOKEN_CLS":
        score = load_file(os.path.join(adapter, "adapter_model.safetensors"))["base_model.model.score.weight"]
        options = {"num_labels": score.shape[0]}
        kind = AutoModelForTokenClassification
    else:
        options = {}
        kind = AutoModelForCausalLM
    base = kind.from_pretrained(os.path.join(folder, "base"), dtype=torch.float32, **options)
    models = [PeftModel.from_pretrained(base, adapter), kind.from_pretrained(os.path.join(folder, "merged"))]
    texts = json.load(open(os.path.join(folder, "inputs.json")))
    run = lambda model: [x for text in texts for x in model(torch.tensor([text])).logits[0].flatten().tolist()]
    return [run(model.eval()) for model in models]


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    print(json.dumps({name: outputs(os.path.join(sys.argv[1], name)) for name in sorted(os.listdir(sys.argv[1]))}))
