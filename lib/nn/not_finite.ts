/** The error for a token of a response that cannot be chosen. */
export function notFinite(prompt: number, token: number, temperature: number): Error {
  return new Error(
    `prompt ${prompt}: the logits of token ${token} of its response are not finite at temperature ${temperature}: ` +
      "weights are NaN, infinite or too large: go back to an earlier checkpoint, or lower the learning rate",
  );
}
