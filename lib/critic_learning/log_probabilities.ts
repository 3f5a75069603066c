import { type CriticResponse, responseSequence } from "../critic/responses.ts";
import { logProbability } from "../nn/log_probability.ts";
import type { Model } from "../nn/model.ts";

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
