import type { Prediction } from "../critic/critic.ts";
import type { StateSet } from "./states.ts";

/** What an answer was made from besides the state: what a critic in training could not have known at that state. */
export type Foresight =
  /** Nothing: what a value model knows. */
  | "nothing"
  /** The mean value of these very states, which makes it the best of all constants. */
  | "the mean value"
  /** The outcomes of other responses to the problem. */
  | "siblings"
  /** How the response itself ends. */
  | "the outcome";

/** What a critic is: a rule that reads no state, or one that answers at once, or one that writes before it answers. */
export type CriticKind = "constant" | "discriminative" | "generative";

/** A prediction, and what is known of how it came about. */
export interface Answer extends Prediction {
  /** Tokens written for it; null where nobody says. Default: those of `responses`. */
  readonly tokensWritten?: number | null;
  /** The probability that the model gave to any valid answer; null where it is not known. */
  readonly mass?: number | null;
  /** Responses that were parse failures by themselves, and how many there were. */
  readonly parseFailures?: number;
  readonly written?: { readonly length: number };
}

/** A critic of an evaluation. */
export interface AskedCritic {
  /** Unique within an evaluation, as on the command line. */
  readonly name: string;
  /** Name in figures and tables. */
  readonly title: string;
  readonly kind: CriticKind;
  readonly foresight: Foresight;
  /** The name of the critic that differs from this one in the ICC lines alone, which this one reads and that one does not. */
  readonly withoutIcc?: string;
  /**
   * One answer for each state of the set, in order.
   *
   * @param progress Told how many states are answered.
   */
  answer(set: StateSet, progress: (answered: number) => void): Promise<readonly Answer[]>;
}
