import type { Sequence } from "../nn/batch.ts";
import { logProbability } from "../nn/log_probability.ts";
import type { Model } from "../nn/model.ts";
import type { CriticResponse } from "./samples.ts";

/** Prompt and response as input: every response token is the target of the one before it. */
export function responseSequence(
  { prompt, tokens: response }: CriticResponse,
): Required<Pick<Sequence, "tokens" | "positions">> {
  const tokens = [...prompt.tokens, ...response.slice(0, -1)];
  return { tokens, positions: tokens.map((_, i) => prompt.position(i)) };
}

/** log pi(y_t | prompt, y_<t) of every token of every response, at temperature 1, in nats. */
export async function responseLogProbabilities(
  model: Model,
  responses: readonly CriticResponse[],
): Promise<number[][]> {
  const rows = responses.flatMap(({ prompt, tokens }, sequence) =>
    tokens.map((_, t) => ({ sequence, token: prompt.tokens.length - 1 + t }))
  );
  const { logits } = await model.forward(responses.map(responseSequence), rows);
  const n = model.config.vocabularySize;
  let row = 0;
  return responses.map(({ tokens }) =>
    tokens.map((token) => logProbability(logits!.subarray(row * n, ++row * n), token))
  );
}
