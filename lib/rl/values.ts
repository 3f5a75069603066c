/** Where an algorithm's values come from, one function a source. */
import { exactValues } from "../actor/exact_values.ts";
import { UsageError } from "../errors.ts";
import { type ActorRollout, type ActorTraining, criticContext } from "./actor_training.ts";
import { askCritic, askedStates, type CriticAnswers } from "./ask_critic.ts";

/** Rollouts with the field that the algorithm's estimator needs, and what it took. */
export interface ValuedRollouts<State> {
  readonly rollouts: readonly ActorRollout<State>[];
  /** Tokens that were generated for the values, by critic or actor. */
  readonly tokens: number;
  readonly flops: number;
  /** What the critic answered, where it was asked. */
  readonly answers?: CriticAnswers;
}

/** An iteration's rollouts before they have values. */
interface Collected<State> {
  readonly rollouts: readonly ActorRollout<State>[];
  readonly iteration: number;
  /** The actor's smoothed success rate. */
  readonly successRate: number;
}

/**
 * The rollouts with the values of `algorithm.values`, all of the policy that sampled them.
 *
 * @throws UsageError for a critic's values without a critic.
 */
export function withValues<State>(
  run: ActorTraining<State>,
  collected: Collected<State>,
): Promise<ValuedRollouts<State>> {
  return SOURCES[run.algorithm.values](run, collected);
}

const SOURCES = {
  none: withoutValues,
  critic: criticValues,
  continuations: continuationValues,
  exact: oracleValues,
  process: processRewards,
} as const;

/** Estimators that compare responses with one another need none. */
function withoutValues<State>(
  _run: ActorTraining<State>,
  { rollouts }: Collected<State>,
): Promise<ValuedRollouts<State>> {
  return Promise.resolve({ rollouts, tokens: 0, flops: 0 });
}

/** `values`: the critic's, before the tokens at which the algorithm asks it. */
async function criticValues<State>(
  run: ActorTraining<State>,
  { rollouts, iteration, successRate }: Collected<State>,
): Promise<ValuedRollouts<State>> {
  const { actor, algorithm, config, critic, seed } = run;
  if (!critic) throw new UsageError("critic", undefined, `${algorithm.name} needs one: give it`);
  const answers = await askCritic(critic, rollouts, {
    positions: askedStates(rollouts, algorithm),
    context: criticContext(run, successRate),
    fallback: successRate,
    read: config.critic.read,
    fill: algorithm.states === "tokens",
    key: {
      seed,
      purpose: "rl/critic-values",
      firstRow: iteration * rollouts.length * actor.environment.maxActorLength,
    },
  });
  const { tokens, flops, values } = answers;
  return {
    rollouts: rollouts.map((r, i) => ({ ...r, values: values[i]! })),
    tokens,
    flops,
    answers,
  };
}

/**
 * `continuations`: M fresh responses of the actor from every state. The responses to a problem share their first state, and
 * with it its continuations. Their own returns will not do there: a mean that contains the response's is a baseline that
 * shrinks the first token's expected gradient by 1 - 1/K.
 */
async function continuationValues<State>(
  { actor, config, seed }: ActorTraining<State>,
  { rollouts, iteration }: Collected<State>,
): Promise<ValuedRollouts<State>> {
  const { continuations: M, responses: K } = config;
  const first = rollouts.filter((_, i) => i % K === 0).map(({ states }) => states[0]!);
  const later = rollouts.flatMap(({ states }) => states.slice(1));
  const sampled = await actor.sample(
    [...first, ...later].flatMap((state) => new Array<State>(M).fill(state)),
    {
      seed,
      purpose: "rl/continuations",
      firstRow: iteration * rollouts.length * actor.environment.maxActorLength * M,
    },
  );
  const returns = (k: number) => sampled.slice(k * M, (k + 1) * M).map(({ reward }) => reward);
  let next = first.length;
  const continuations = rollouts.map(({ states }, i) =>
    states.map((_, t) => returns(t === 0 ? Math.floor(i / K) : next++))
  );
  return {
    rollouts: rollouts.map((r, i) => ({ ...r, continuations: continuations[i]! })),
    tokens: sampled.reduce((n, { tokens }) => n + tokens.length, 0),
    flops: actor.generationFlops(sampled),
  };
}

/** `exactValues`: the actor's true ones. What a reference knows counts as no work. */
async function oracleValues<State>(
  { actor, config, exactValues: valuesOf = exactValues }: ActorTraining<State>,
  { rollouts }: Collected<State>,
): Promise<ValuedRollouts<State>> {
  const { actionTokens } = actor.environment, K = config.responses;
  const problems = rollouts.filter((_, i) => i % K === 0).map(({ states }) => states[0]!);
  const trees = await valuesOf(actor, problems);
  return {
    rollouts: rollouts.map((r, i) => {
      const actions = r.tokens.map((token) => actionTokens.indexOf(token));
      const tree = trees[Math.floor(i / K)]!;
      return { ...r, exactValues: r.tokens.map((_, t) => tree.value(actions.slice(0, t))) };
    }),
    tokens: 0,
    flops: 0,
  };
}

/** `processRewards`: what each token did to the value of the environment's expert; without a next state, to 0. */
function processRewards<State>(
  { actor: { environment } }: ActorTraining<State>,
  { rollouts }: Collected<State>,
): Promise<ValuedRollouts<State>> {
  const best = (state: State) => environment.exactValue(state, environment.expert);
  return Promise.resolve({
    rollouts: rollouts.map((r) => {
      const after = [...r.states.slice(1), r.final];
      return {
        ...r,
        processRewards: r.states.map((state, t) => {
          const next = after[t];
          return (next === null || next === undefined ? 0 : best(next)) - best(state);
        }),
      };
    }),
    tokens: 0,
    flops: 0,
  });
}
