import { traceRows } from "../env/describe_trace.ts";
import type { Environment } from "../env/environment.ts";
import type { TokenBox } from "./token_sequence.ts";

/**
 * A critic's response for `tokenSequence`: every token of its chain of thought with what it is about, whether it is right
 * and what it should have been; then the value.
 *
 * @param response Token ids as of `Prediction.responses`: the chain, then the value token where it has one.
 *
 * @example
 * ```ts
 * import { createEnvironment, RandomStream, show, tokenSequence, traceTokens } from "genac";
 *
 * const environment = createEnvironment("permutation", { group: "S3" });
 * const random = new RandomStream({ seed: 1, purpose: "example" });
 * const state = environment.sampleState(random, { actor: { epsilon: 0.3 }, split: "test" });
 * const response = [...environment.reasoningTrace(state), environment.vocabulary.valueToken(0.7)];
 * await show(tokenSequence(traceTokens(environment, state, response), "A chain without a mistake:"));
 * ```
 */
export function traceTokens<State>(
  environment: Pick<
    Environment<State, unknown>,
    "vocabulary" | "reasoningTrace" | "traceSubjects"
  >,
  state: State,
  response: readonly number[],
): TokenBox[] {
  const { names, valueOf } = environment.vocabulary;
  // What ends without a value is a chain that found no end.
  const value = response.slice(-1).filter((token) => valueOf(token) !== undefined);
  const rows = traceRows(environment, state, response.slice(0, response.length - value.length));
  return [
    ...rows.map(({ subject, written, right }): TokenBox => ({
      text: written,
      ...(subject === "" ? {} : { subject }),
      ...(written === right ? { tone: "right" } : { tone: "wrong", label: `should be ${right}` }),
    })),
    ...value.map((token): TokenBox => ({ text: names[token]!, subject: "value", tone: "value" })),
  ];
}
