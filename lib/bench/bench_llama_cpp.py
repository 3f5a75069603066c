"""llama.cpp as a peer of bench_language_model_worker.ts: greedy completions side by side, commanded line by line.

    PYTHON lib/bench/bench_llama_cpp.py

Needs xllamacpp. A line in is a JSON command, a line out its JSON answer: {"op": "prepare", "model": GGUF, "threads": n,
"tokens": [[...]], "prompt": n}, {"op": "measure", "runs": n}. Ends with its standard input. Its server listens on this
machine only.
"""

import json
import os
import resource
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
ANSWERS.write("\n")

import xllamacpp


def start(c):
    rows, length = len(c["tokens"]), len(c["tokens"][0])
    params = xllamacpp.CommonParams()
    params.model.path = c["model"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cpuparams.n_threads = c["threads"]
    params.cpuparams_batch.n_threads = c["threads"]
    params.n_gpu_layers = 0
    params.n_parallel = rows
    params.n_ctx = rows * length
    params.fit_params = False
    params.ui = False
    params.cache_ram_mib = 0
    params.verbosity = 1
    server = xllamacpp.Server(params)
    prompts = [row[: c["prompt"]] for row in c["tokens"]]
    new = length - c["prompt"]

    def complete(prompt):
        body = {"prompt": prompt, "n_predict": new, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        request = urllib.request.Request(
            f"{server.listening_address}/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            count = json.load(answer)["tokens_predicted"]
        assert count == new, f"{count} tokens, not {new}"

    pool = ThreadPoolExecutor(rows)
    return server, lambda: list(pool.map(complete, prompts))


def main():
    memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    baseline = memory()
    work = None
    for line in sys.stdin:
        c = json.loads(line)
        if c["op"] == "prepare":
            server, work = start(c)
            work()
            answer = {"parameters": c["parameters"]}
        else:
            milliseconds = []
            for _ in range(c["runs"]):
                begin = time.perf_counter()
                work()
                milliseconds.append((time.perf_counter() - begin) * 1e3)
            answer = {"milliseconds": milliseconds, "peakBytes": memory(), "baselineBytes": baseline}
        print(json.dumps(answer), file=ANSWERS, flush=True)
    os._exit(0)


main()
