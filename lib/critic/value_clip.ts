/** What values are held to. */
export interface ValueClip {
  /** v_old of each sequence: `NeuralCritic.scalarValues` before the first epoch. */
  readonly old: readonly number[];
  /** e, positive, in units of value. */
  readonly range: number;
}

/**
 * PPO's clipped value loss (OpenAI's PPO2; `cliprange_value` in TRL and verl). With v the value, v_old that of the critic
 * before the step's epochs, R the target and e the range,
 *
 *     L = max((v - R)^2, (clip(v, v_old - e, v_old + e) - R)^2)
 *
 *     dL / dv = 0             where the second is larger: v has left the range and would go on towards R
 *             = 2 (v - R)     elsewhere
 *
 * (TRL and verl write a half before L.) In the first epoch v is v_old, and nothing is clipped.
 *
 * @returns L, and whether it has no slope.
 */
export function clippedSquaredError(
  value: number,
  target: number,
  old: number,
  range: number,
): { loss: number; clipped: boolean } {
  const free = (value - target) ** 2;
  const held = (Math.max(old - range, Math.min(old + range, value)) - target) ** 2;
  return { loss: Math.max(free, held), clipped: held > free };
}
