"""Writes tokenizers.json, to which gguf_tokenizer_test.ts compares tokenizers made of GGUF metadata.

Byte-level BPE with a small vocabulary: what Qwen2's class of transformers, and tokenizers with the pattern that transformers
converts Llama 3's tokenizer with, make of odd texts. Needs transformers==5.24.0, tokenizers. Run from anywhere; takes seconds.
"""

import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
SPECIAL = ["<|endoftext|>", "<|im_start|>"]
# transformers' convert_slow_tokenizer.py, TikTokenConverter.
LLAMA3 = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
TRAINING = ["we'll see 123 123 12 the there  the\n\nthen I'M it's 'T was", "for (i = 0; i < 10; ++i) {\n    sum += i;\n}"] * 3
TEXTS = [
    "we'll see: it's I'M 'T",
    "12345 + 7 = 12352",
    "  the\n\n  then \r\n\tthere   ",
    "for (i = 0; i < 123; ++i) {\n}\n",
    "é e\u0301 Ⅷ ٣٤٥٦ 日本語 😀",
    "<|im_start|>the<|endoftext|>",
    "hello hellohello",
    "",
]


def split(pattern):
    parts = [pre_tokenizers.Split(Regex(pattern), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    return pre_tokenizers.Sequence(parts)


def learned():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split(LLAMA3)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TRAINING, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def ids(tokenizer):
    return [tokenizer.encode(text, add_special_tokens=False) for text in TEXTS]


if __name__ == "__main__":
    vocab, merges = learned()
    # Of no merge: Llama 3 takes such a word whole nevertheless.
    for token in ["hello", *SPECIAL]:
        vocab[token] = len(vocab)
    tokens = sorted(vocab, key=vocab.get)
    qwen2 = Qwen2Tokenizer(vocab=vocab, merges=merges)
    qwen2.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    llama3 = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    llama3.pre_tokenizer, llama3.decoder = split(LLAMA3), decoders.ByteLevel()
    llama3.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    expected = {
        "qwen2": ids(qwen2),
        "llama-bpe": [llama3.encode(text, add_special_tokens=False).ids for text in TEXTS],
    }
    content = {"tokens": tokens, "merges": [" ".join(pair) for pair in merges], "special": SPECIAL, "texts": TEXTS, "ids": expected}
    with open(os.path.join(HERE, "tokenizers.json"), "w") as file:
        json.dump(content, file, separators=(",", ":"))
        file.write("\n")
