import { UsageError } from "../errors.ts";
import { explainedVarianceCeiling, monteCarloNoise } from "../eval/monte_carlo.ts";
import { NON_INFERIORITY_MARGINS } from "../eval/non_inferiority.ts";
import { isUnparsed } from "../eval/pairs.ts";
import { isConstant, mean, populationVariance, sum } from "../numeric/sums.ts";
import { canonicalJson, sha256 } from "../numeric/digest.ts";
import { maximum, minimum } from "../numeric/extrema.ts";
import { printable } from "../rollouts/printable.ts";
import type { Answer, AskedCritic } from "./asked_critic.ts";
import { meanValue } from "./constants.ts";
import type { CriticEntry, Evaluation } from "./evaluation.ts";
import { isRight, scoreCritics, type ScoreOptions, type Values } from "./scores.ts";
import { responseLength, type StateSet } from "./states.ts";

/** What to evaluate, and how. */
export interface EvaluateOptions extends ScoreOptions {
  /** The file, as the user named it. */
  readonly file: string;
  /** Records of the file that could not be read; default 0. */
  readonly unreadable?: number;
  /** Told of every critic how many states it has answered. */
  readonly progress?: (critic: string, answered: number, states: number) => void;
}

/** Responses whose text the result keeps. */
const EXAMPLES = 6;
/** Characters of a critic's title. */
const LONGEST_TITLE = 80;
/** Characters of a text that the result keeps. */
const LONGEST_EXCERPT = 600;

/**
 * Asks the critics about the states of `set` and scores their answers. The constant `mean` is always among them, as what a
 * critic has to beat.
 *
 * @throws UsageError for two critics of one name, and what the critics throw.
 *
 * @example A critic of your own, beside a constant, on two responses to one problem
 * ```ts
 * import assert from "node:assert/strict";
 * import { askCritic, evaluateCritics, type Question, type RolloutState, statesOf } from "genac";
 *
 * const rollout = (text: string, outcome: number) =>
 *   ({ group: "sum 1", prompt: { text: "3 + 4?" }, response: { text }, outcome });
 * const set = statesOf([rollout("3 + 4 = 7, so 7", 1), rollout("It must be 8", 0)], { perRollout: 2 });
 * const equations = {
 *   name: "equations",
 *   values: (questions: readonly Question<RolloutState>[]) =>
 *     Promise.resolve(questions.map(({ state: { record, at } }) => ({
 *       value: record.response.text!.slice(0, at).includes("=") ? 0.9 : 0.2,
 *       expectation: null,
 *     }))),
 * };
 * const critic = askCritic(equations, {
 *   name: "equations",
 *   title: "Likes equations",
 *   kind: "discriminative",
 * });
 * const { critics } = await evaluateCritics(set, [critic], { file: "two sums" });
 * const [mean, own] = critics.map(({ scores }) => scores);
 * assert.equal(mean!.penalizedMse.estimate, 0.25);
 * assert.ok(own!.penalizedMse.estimate! < 0.19);
 * assert.equal(own!.withinAuc.estimate, 1);
 * ```
 */
export async function evaluateCritics(
  set: StateSet,
  critics: readonly AskedCritic[],
  options: EvaluateOptions,
): Promise<Evaluation> {
  const asked = critics.some(({ name }) => name === meanValue.name)
    ? critics
    : [meanValue, ...critics];
  const twice = asked.find(({ name }, i) => asked.findIndex((one) => one.name === name) < i);
  if (twice) throw new UsageError("--critic", twice.name, "given twice: leave out one");
  const answers: Answered[] = [];
  for (const critic of asked) {
    const predictions = await critic.answer(
      set,
      (answered) => options.progress?.(critic.name, answered, set.states.length),
    );
    answers.push(...answered(critic, predictions, set.states.length));
  }
  const { critics: scores, comparisons } = scoreCritics(
    set,
    Object.fromEntries(answers.map(({ name, values }) => [name, values])),
    options,
  );
  const { seed = 1, replicates = 10_000, level = 0.95, margins = {}, file, unreadable = 0 } =
    options;
  const units = new Map(set.states.map(({ rollout, unit }) => [rollout, unit]));
  const states = set.states.map(({ rollout, at, unit, value, n, fraction }) => ({
    ...{ rollout, at, unit, value, n, fraction },
  }));
  return {
    format: "genac-critic-evaluation",
    version: 1,
    rollouts: {
      file: printable(file),
      states: sha256(new TextEncoder().encode(canonicalJson(states))),
      leftOut: [...set.leftOut],
      unreadable,
    },
    set: describeSet(set),
    notMeasured: notMeasured(set),
    options: {
      ...{ seed, replicates, level },
      margins: { ...NON_INFERIORITY_MARGINS, ...margins },
    },
    critics: answers.map((one) => ({ ...one, scores: scores[one.name]! })),
    comparisons: [...comparisons],
    states,
    responses: set.rollouts.map(({ record, problem }, rollout) => {
      const unit = units.get(rollout)!, length = responseLength(record, unit);
      return {
        group: printable(record.group, 80),
        problem,
        outcome: record.outcome,
        ...(record.tokenLimit === undefined ? {} : { tokenLimit: record.tokenLimit }),
        ...(length === undefined ? {} : { length }),
      };
    }),
    examples: examples(set),
  };
}

type Answered = Omit<CriticEntry, "scores">;

/** A critic's entry, and one more for its expectations where it has some. */
function answered(
  { name, title: given, kind, foresight, withoutIcc }: AskedCritic,
  predictions: readonly Answer[],
  states: number,
): Answered[] {
  // The name that a server gives its model may hold anything.
  const title = printable(given, LONGEST_TITLE);
  if (predictions.length !== states) {
    throw new RangeError(`critic ${name}: ${predictions.length} answers to ${states} states`);
  }
  const tokens = predictions.map(({ responses = [], tokensWritten }) =>
    tokensWritten === undefined ? sum(responses.map(({ length }) => length)) : tokensWritten
  );
  const knownMass = predictions.flatMap(({ mass }) => mass ?? []);
  const responses = sum(predictions.map(({ written }) => written?.length ?? 0));
  const failures = sum(predictions.map(({ parseFailures = 0 }) => parseFailures));
  const facts = {
    tokensPerState: tokens.includes(null) || tokens.every((count) => count === 0)
      ? null
      : mean(tokens as number[]),
    unforcedRate: responses === 0 ? null : 1 - failures / responses,
    answerMass: knownMass.length === 0 ? null : mean(knownMass),
  };
  const entry = (of: "value" | "expectation"): Answered => {
    const values: Values = predictions.map((prediction) => {
      const value = prediction[of];
      if (isUnparsed(value)) return null;
      if (!Number.isFinite(value)) {
        throw new UsageError(
          `critic ${name}`,
          value,
          "a value must be a finite number: does the model's head have one output, and is it trained?",
        );
      }
      return value;
    });
    return {
      ...(of === "value"
        ? { name, title }
        : { name: `${name} expectation`, title: `${title}, expectation`, expectationOf: name }),
      kind,
      foresight,
      ...facts,
      values: [...values],
      ...(withoutIcc === undefined ? {} : {
        withoutIcc: of === "value" ? withoutIcc : `${withoutIcc} expectation`,
      }),
    };
  };
  return predictions.some(({ expectation }) => expectation !== null)
    ? [entry("value"), entry("expectation")]
    : [entry("value")];
}

function describeSet({ source, states, rollouts, problems }: StateSet): Evaluation["set"] {
  const values = states.map(({ value }) => value), counts = states.map(({ n }) => n);
  const isMonteCarlo = source === "monte-carlo";
  const returns = states.map(({ record }) => record.outcome);
  const byProblem = Map.groupBy(rollouts, ({ problem }) => problem);
  return {
    source,
    states: states.length,
    rollouts: rollouts.length,
    groups: new Set(rollouts.map(({ record }) => record.group)).size,
    problems,
    successRate: mean(rollouts.map(({ record }) => record.outcome)),
    meanValue: mean(values),
    varianceValue: populationVariance(values),
    continuations: {
      least: minimum(counts),
      mean: mean(counts),
      most: maximum(counts),
    },
    noise: isMonteCarlo ? monteCarloNoise(values, counts) : null,
    explainedVarianceCeiling: isMonteCarlo
      ? explainedVarianceCeiling(values, counts, returns)
      : null,
    balanced: problems > 1 && [...byProblem.values()].every((own) => {
      const right = own.filter(({ record }) => isRight(record.outcome)).length;
      return 2 * right === own.length;
    }),
  };
}

/** What this set cannot tell, and why. */
function notMeasured({ source, states, rollouts, problems }: StateSet): Evaluation["notMeasured"] {
  const byGroup = Map.groupBy(rollouts, ({ record }) => record.group);
  const hasSiblings = [...byGroup.values()].some((own) => own.length > 1);
  const isMixed = [...byGroup.values()].some((own) =>
    !isConstant(own.map(({ record }) => record.outcome))
  );
  const isMonteCarlo = source === "monte-carlo";
  const entries: readonly (readonly [boolean, string, string])[] = [
    [
      !isMonteCarlo,
      "debiased MSE, noise ceiling, ranking and choice by value, advantage signs",
      "there are no Monte Carlo values: the value of a state is one outcome (deno task values makes them)",
    ],
    [
      isMonteCarlo && states.some(({ n }) => n < 2),
      "debiased MSE, noise ceiling",
      "some states have one continuation",
    ],
    [
      !isMixed,
      "AUC within groups",
      hasSiblings
        ? "no group has both right and wrong responses"
        : "no group has more than one response: say which field has the problem's id (--map group=...)",
    ],
    [
      isMonteCarlo && !hasSiblings,
      "choice between responses",
      "no group has more than one response with Monte Carlo values",
    ],
    [
      states.some(({ fraction }) => fraction === null),
      "thirds of the response",
      "some responses have no length in the unit of their states",
    ],
    [
      states.every(({ record, unit }) => record.tokenLimit === undefined || unit !== "token"),
      "states near the token limit",
      "the limit is not known (--limit), or states are not counted in tokens",
    ],
    [problems < 2, "intervals", "all responses are to one problem"],
  ];
  return entries.flatMap(([applies, what, why]) => applies ? [{ what, why }] : []);
}

/** Right and wrong responses by turns, of different problems as long as there are some. */
function examples({ rollouts }: StateSet): Evaluation["examples"] {
  const chosen: number[] = [], problems = new Set<number>();
  for (const fresh of [true, false]) {
    for (let i = 0; i < rollouts.length && chosen.length < EXAMPLES; i++) {
      const { record: { outcome }, problem } = rollouts[i]!;
      const wantsRight = chosen.length % 2 === 0;
      if (chosen.includes(i) || isRight(outcome) !== wantsRight) continue;
      if (fresh && problems.has(problem)) continue;
      chosen.push(i);
      problems.add(problem);
    }
  }
  return chosen.sort((a, b) => a - b).map((rollout) => {
    const { prompt, problem, response } = rollouts[rollout]!.record;
    const textOf = ({ text, tokens }: typeof response) =>
      printable(text ?? `token ids ${tokens!.join(" ")}`, LONGEST_EXCERPT);
    return {
      rollout,
      problem: problem === undefined ? textOf(prompt) : printable(problem, LONGEST_EXCERPT),
      response: textOf(response),
    };
  });
}
