import type { Prediction } from "../critic/critic.ts";
import { UsageError } from "../errors.ts";
import { clip01 } from "../numeric/clip01.ts";
import { log1p } from "../numeric/math.ts";
import { type LinearModel, meanSquaredError, Moments, predict, ridge } from "../numeric/ridge.ts";
import { mean } from "../numeric/sums.ts";
import type { AskedCritic } from "./asked_critic.ts";
import type { EvaluatedState, StateSet } from "./states.ts";

/** Cross-validation. */
const FOLDS = 5;
/** Ridge penalties, of which cross-validation within the training problems chooses. */
const PENALTIES = [0.1, 1, 10, 100] as const;
/** Buckets that words are hashed into: one such set for the last words, one for the problem's. */
const BUCKETS = 64;
/** How many of the last words (or tokens) are looked at one by one. */
const LAST_WORDS = 24;

/**
 * The least that learning can do, and no language model: ridge regression from which words stand last in the response and
 * which in the problem, and from how long the response is, on the outcomes of the file's own rollouts. Cross-validated by
 * problem: no state is judged by a model that has seen its problem. A value model that is no better has learned nothing
 * of the reasoning.
 */
export const textRidge: AskedCritic = {
  name: "text-ridge",
  title: "Ridge regression on words",
  kind: "discriminative",
  foresight: "nothing",
  answer(set, progress) {
    if (set.problems < FOLDS) {
      throw new UsageError(
        "--critic",
        "text-ridge",
        `it learns from the other problems, and there are ${set.problems}: give rollouts of ${FOLDS} or more`,
      );
    }
    const answers = crossValidated(set);
    progress(answers.length);
    return Promise.resolve(answers);
  },
};

function crossValidated({ states, rollouts }: StateSet): Prediction[] {
  const features = states.map(featuresOf);
  const count = features[0]!.length;
  // Problems are numbered by their first appearance, which a file may sort by anything: neighbours part ways.
  const folds = states.map(({ rollout }) => rollouts[rollout]!.problem % FOLDS);
  const moments = Array.from({ length: FOLDS }, () => new Moments(count));
  states.forEach(({ record }, i) => moments[folds[i]!]!.add(features[i]!, record.outcome));
  const models = moments.map((_, fold) => trainedWithout(moments, fold));
  return states.map((_, i) => ({
    value: clip01(predict(models[folds[i]!]!, features[i]!)),
    expectation: null,
  }));
}

/** Trained on all folds but this one, with the penalty that does best on each of them in turn. */
function trainedWithout(moments: readonly Moments[], fold: number): LinearModel {
  const training = moments.toSpliced(fold, 1);
  const all = (some: readonly Moments[]) => some.reduce((a, b) => a.plus(b));
  const errors = PENALTIES.map((penalty) =>
    mean(
      training.map((held, k) =>
        meanSquaredError(ridge(all(training.toSpliced(k, 1)), penalty), held)
      ),
    )
  );
  const best = errors.indexOf(Math.min(...errors));
  return ridge(all(training), PENALTIES[best]!);
}

function featuresOf(state: EvaluatedState): Float64Array {
  const { record: { prompt, problem, tokenLimit } } = state;
  const written = wordsBefore(state);
  const features = new Float64Array(4 + 2 * BUCKETS);
  features[0] = log1p(written.length);
  features[1] = state.at === 0 ? 1 : 0;
  features[2] = tokenLimit !== undefined && state.unit === "token" ? state.at / tokenLimit : 0;
  features[3] = log1p(new Set(written).size);
  const mark = (words: readonly string[], from: number) => {
    for (const word of words) features[from + hash(word) % BUCKETS] = 1;
  };
  mark(written.slice(-LAST_WORDS), 4);
  mark(words({ text: problem ?? prompt.text, tokens: prompt.tokens }), 4 + BUCKETS);
  return features;
}

/** What has been written: words, or token ids where the state is counted in tokens. */
function wordsBefore({ record: { response, steps }, at, unit }: EvaluatedState): string[] {
  switch (unit) {
    case "token":
      return response.tokens
        ? response.tokens.slice(0, at).map(String)
        : words({ text: response.text }).slice(0, at);
    case "step":
      return words({ text: steps!.slice(0, at).join("\n") });
    case "char":
      return words({ text: response.text!.slice(0, at) });
  }
}

function words(
  { text, tokens }: {
    readonly text: string | undefined;
    readonly tokens?: readonly number[] | undefined;
  },
): string[] {
  return text === undefined
    ? tokens!.map(String)
    : text.match(/\p{L}+|\p{N}|[^\s\p{L}\p{N}]/gu) ?? [];
}

/** FNV-1a-32 over UTF-16 code units. */
function hash(word: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
