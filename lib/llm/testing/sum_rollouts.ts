import { mean } from "../../numeric/sums.ts";
import type { RolloutRecord } from "../../rollouts/record.ts";
import type { RolloutTokenizer } from "../../rollouts/tokenizer.ts";
import { gradeNumeric } from "../../rollouts/verifiers/numeric.ts";
import { FULL_SAMPLING, type LanguageModel } from "../language_model.ts";
import { SUM_STOP, SUM_TOKENS, sumProblem } from "./sums.ts";

/** Log-probabilities are kept to this many decimals. */
const DECIMALS = 4;

/**
 * A language model's responses to sums (`sumProblem`), `siblings` to each of the first `problems`, at temperature 1, with
 * token ids and log-probabilities, graded by the numeric verifier.
 *
 * @throws UsageError as the language model does.
 */
export async function sumRollouts(
  model: LanguageModel,
  tokenizer: RolloutTokenizer,
  { problems, siblings }: { readonly problems: number; readonly siblings: number },
): Promise<RolloutRecord[]> {
  const responses = async (row: number): Promise<RolloutRecord[]> => {
    const { prompt, problem, groundTruth } = sumProblem(row);
    const tokens = tokenizer.encode(prompt);
    const completions = await model.complete({
      prompt: tokens,
      sampling: FULL_SAMPLING,
      maxTokens: SUM_TOKENS,
      count: siblings,
      stop: SUM_STOP,
      topLogProbabilities: 1,
      seed: row * siblings,
    });
    return completions.map(({ tokens: written, logProbabilities }) => {
      // Not the completion's text, which has what stood before the stop string in the same token, too.
      const text = tokenizer.decode(written!);
      return {
        group: problem,
        prompt: { text: prompt, tokens },
        problem,
        response: { text, tokens: [...written!] },
        logProbabilities: logProbabilities!.map(({ logProbability }) =>
          Math.min(0, Number(logProbability.toFixed(DECIMALS)))
        ),
        outcome: gradeNumeric(text, groundTruth),
        groundTruth,
        verifier: "numeric",
        actor: model.name,
        tokenLimit: SUM_TOKENS,
      };
    });
  };
  const rows = Array.from({ length: problems }, (_, row) => responses(row));
  const records = (await Promise.all(rows)).flat();
  const successRate = Number(mean(records.map(({ outcome }) => outcome)).toFixed(DECIMALS));
  return records.map((record) => ({ ...record, successRate }));
}
