"""llama.cpp's HTTP server with a language model, on this machine only.

    .../python serve.py WEIGHTS NAME PORT THREADS SLOTS CONTEXT

WEIGHTS: a GGUF file. NAME: what the server calls it. PORT: the first free one from there on is taken. SLOTS: how many
completions are sampled at once, each of at most CONTEXT tokens, the prompt's included. When it listens it prints one line of
JSON: {"url": ...}. It ends when its standard input does, and so with the process that started it.
"""

import json
import os
import signal
import socket
import sys

import xllamacpp

HOST = "127.0.0.1"


def free_port(first):
    for port in range(first, 65536):
        with socket.socket() as attempt:
            if os.name != "nt":
                # As the server does: a port whose last user has just ended is free.
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind((HOST, port))
                return port
            except OSError:
                continue
    sys.exit(f"no free port from {first} on")


def main():
    weights, name, *numbers = sys.argv[1:]
    first, threads, slots, context = map(int, numbers)
    # Ctrl-C in a terminal reaches this process too: the one that started it decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.model_alias = {name}
    params.hostnames = [HOST]
    params.port = free_port(first)
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.fit_params = False
    params.endpoint_props = False
    params.ui = False
    # No page of another origin reads the answers.
    params.cors_origins = ""
    # The prompts that slots hold are enough: no copies of older ones, which would take gigabytes.
    params.cache_ram_mib = 0
    params.verbosity = 1
    server = xllamacpp.Server(params)
    print(json.dumps({"url": server.listening_address}), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


main()
