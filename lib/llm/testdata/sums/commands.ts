import { fileURLToPath } from "node:url";

/** A file beside this one. */
export function sumsFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Flags of `deno task values` for values along the responses to sums; who answers, and where to, is left to add. */
export const VALUES_OF_SUMS: readonly string[] = [
  ...["--rollouts", sumsFile("rollouts.jsonl"), "--tokenizer", sumsFile("tokenizer.json")],
  ...["--verifier", "numeric"],
  ...["--every", "10", "--continuations", "16", "--problems", "20", "--stop", "\\n"],
];

/** Flags of `deno task evaluate` for critics of these states; who answers is left to add. */
export const EVALUATE_SUMS: readonly string[] = [
  ...["--rollouts", sumsFile("values.parquet"), "--tokenizer", sumsFile("tokenizer.json")],
  ...["--critic", "mean,group-mean,leave-one-out,outcome,text-ridge", "--no-report"],
  ...["--no-reasoning", "--force", "--icc"],
];
