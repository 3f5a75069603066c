import type { PositionUnit, RolloutRecord } from "./record.ts";

/**
 * A state of a language model's episode: a prompt and the first part of a response. What critics of rollouts are asked about
 * (`Critic<RolloutState>`); In-Context Conditioning takes actor and token limit from the record, and the success rate from
 * the question's context.
 */
export interface RolloutState {
  readonly record: RolloutRecord;
  /** How much of the response has been written: everything BEFORE this token, char or step. */
  readonly at: number;
  readonly unit: PositionUnit;
}
