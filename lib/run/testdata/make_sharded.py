"""Writes sharded.json, which safetensors_folder_test.ts reads: models that transformers saved in shards, with their numbers.

Needs transformers==5.24.0, torch==2.13.0 (CPU), safetensors==0.8.0. Run from anywhere; takes seconds.
"""

import json
import os
import tempfile

import torch
from transformers import ArceeConfig, ArceeForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
SIZE = {"vocab_size": 5, "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}


def saved(dtype, max_shard_size):
    torch.manual_seed(0)
    model = ArceeForCausalLM(ArceeConfig(**SIZE, bos_token_id=None, eos_token_id=None)).to(dtype)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size=max_shard_size)
        names = sorted(name for name in os.listdir(folder) if "safetensors" in name)
        files = {name: open(os.path.join(folder, name), "rb").read().hex() for name in names}
    tensors = {name: {"shape": list(t.shape), "values": t.double().flatten().tolist()} for name, t in model.state_dict().items()}
    return {"files": files, "tensors": tensors}


if __name__ == "__main__":
    cases = {
        "F32 in shards": saved(torch.float32, 300),
        "F16 in shards": saved(torch.float16, 150),
        "BF16 in shards": saved(torch.bfloat16, 150),
        "BF16 in one file": saved(torch.bfloat16, "1GB"),
    }
    with open(os.path.join(HERE, "sharded.json"), "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")
