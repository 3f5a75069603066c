"""Trains a small byte-level BPE tokenizer on invented text, and writes what Python's `tokenizers` makes of odd texts.

python3 -m venv VENV && VENV/bin/pip install -r requirements.txt && VENV/bin/python make_tokenizer.py
"""

import json
import pathlib

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

FOLDER = pathlib.Path(__file__).parent / "tokenizer"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXT = ["What is 3+4? The answer is 7.", "Question: 12 + 30 = 42. Answer: 42", "the sum of the numbers is the answer"]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=300, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
)
tokenizer.train_from_iterator(TEXT, trainer)
tokenizer.post_processor = processors.TemplateProcessing(
    single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))]
)
FOLDER.mkdir(exist_ok=True)
tokenizer.save(str(FOLDER / "tokenizer.json"))
config = {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|im_end|>", "clean_up_tokenization_spaces": True}
(FOLDER / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")

cases = [
    "The answer is 42.",
    "<|im_start|>user\nWhat is 3+4?<|im_end|>\n",
    "  spaces , before 'marks' .\t\n\n",
    "héllo 中文 👩\u200d🚀 \u202e",
    "",
]
ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in cases]
(FOLDER / "cases.json").write_text(
    json.dumps(
        {
            "size": tokenizer.get_vocab_size(),
            "texts": [
                {
                    "text": text,
                    "ids": tokens,
                    "withSpecial": tokenizer.encode(text).ids,
                    "decoded": tokenizer.decode(tokens, skip_special_tokens=True),
                }
                for text, tokens in zip(cases, ids)
            ],
            # A token of the first two bytes of a character that has three.
            "cut": {"ids": ids[3][:8], "decoded": tokenizer.decode(ids[3][:8])},
        },
        indent=1,
    )
    + "\n"
)
