"""Writes the Parquet files of this folder with pandas, as TRL and the open-instruct fork do. The content is invented.

python3 -m venv VENV && VENV/bin/pip install -r requirements.txt && VENV/bin/python make_parquet.py
"""

import pathlib

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent


def trl():
    folder = HERE / "trl"
    folder.mkdir(exist_ok=True)
    for step, rewards in ((9, (1.0, 0.0)), (10, (0.0, 0.0))):
        pd.DataFrame(
            {
                "step": [step] * 2,
                "prompt": ["<|im_start|>user\n3+4?<|im_end|>\n"] * 2,
                "completion": ["#### 7", "#### 8 \u202e \x1b[31m"],
                "accuracy_reward": rewards,
                "format_reward": [1.0, float("nan")],
                "solution": ["7", "7"],
                "advantage": [0.71, -0.71],
            }
        ).to_parquet(folder / f"completions_{step:05d}.parquet")


def monte_carlo(compression):
    """What `value_estimation make_dataset` writes: one right and one wrong response to a problem."""
    rows = []
    for is_correct in (True, False):
        rows.append(
            {
                "prompt": "<|user|>\nWhat is 3+4?\n<|assistant|>\n",
                "problem": "What is 3+4?",
                "prompt_token_ids": [1, 17, 4],
                "ground_truth": "7",
                "verifier_name": "math",
                "rollout_text": "3+4 = 7" if is_correct else "3+4 = 8",
                "rollout_tokens": [51, 12, 52, 9, 55 if is_correct else 56, 2],
                "rollout_is_correct": is_correct,
                "sibling_rollouts": [{"text": "8", "is_correct": False}],
                "probe_positions": [0, 3, 5] if is_correct else [],
                "mc_values": [0.625, 0.75, 1.0] if is_correct else [],
                "num_continuations": 32,
                "response_token_limit": 8192,
                "actor_model_name": "my-actor",
                "actor_success_rate": 0.41,
                "probe_mode": "sae",
                "probe_semantics": "online_segment_starts_plus_final_action",
            }
        )
    pd.DataFrame(rows).to_parquet(HERE / f"monte_carlo_{compression}.parquet", index=False, compression=compression)


def wide_integers():
    """Ids that no double holds exactly, 32-bit floats, large strings, a dictionary, row groups of one row."""
    table = pa.table(
        {
            "prompt": pa.array(["a", "b"], pa.large_string()),
            "response": pa.array(["a", "b"]).dictionary_encode(),
            "responseTokens": pa.array([[2**53], [7]], pa.list_(pa.uint64())),
            "outcome": pa.array([0.5, 0.25], pa.float32()),
        }
    )
    pq.write_table(table, HERE / "wide_integers.parquet", row_group_size=1, compression="gzip")


trl()
for name in ("snappy", "zstd"):
    monte_carlo(name)
wide_integers()
