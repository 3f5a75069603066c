/** What a page and the engine's Worker in it say to each other about the playground. */
import type { CriticSize } from "../../critic/neural_critic.ts";
import type { PermutationActor, PermutationConfigInput } from "../../env/permutation.ts";
import type { TokenBox } from "../../report/token_sequence.ts";

/** A trained critic that a page carries. */
export interface PlaygroundModel {
  /** A critic of lib/critic/registry.ts. */
  readonly critic: string;
  readonly size: CriticSize;
  readonly seed: number;
  /** SHA-256 of its parameters, as pinned. */
  readonly parameters: string;
  /** How many bytes of the weights, in the order of the models, are its own. */
  readonly bytes: number;
}

/** What the models were trained on, and who they are. */
export interface PlaygroundSetup {
  readonly environment: PermutationConfigInput;
  readonly actor: PermutationActor;
  readonly models: readonly PlaygroundModel[];
}

/** A scramble word and the moves made since, by the names of generators. */
export interface Attempt {
  readonly word: readonly string[];
  readonly moves: readonly string[];
}

/** What one critic says of an attempt. */
export interface PlaygroundAnswer {
  readonly critic: string;
  readonly title: string;
  /** In [0, 1]; null where what was written has no value. */
  readonly value: number | null;
  /** The chain of thought and the value, token by token, of a critic that writes one. */
  readonly chain?: readonly TokenBox[];
  /** SHA-256 of the parameters that answered, and of the pinned ones. */
  readonly parameters: string;
  readonly pinned: string;
}

/** An attempt, what is true of it, and what the critics say. */
export interface PlaygroundAnswers {
  readonly attempt: Attempt;
  /** The element reached, in cycle notation. */
  readonly element: string;
  /** The fewest moves that would solve it; 0: it is solved. */
  readonly distance: number;
  readonly movesLeft: number;
  /** The actor's probability of success. */
  readonly exact: number;
  /** In what it differs from the attempts of training, each as a clause about these; empty: in nothing. */
  readonly unlikeTraining: readonly string[];
  readonly critics: readonly PlaygroundAnswer[];
}

/** What a page asks for, without the number by which its answer is known. */
export type PlaygroundQuestion =
  | {
    readonly type: "playground-begin";
    readonly setup: PlaygroundSetup;
    readonly weights: Uint8Array<ArrayBuffer>;
  }
  /** The held-out attempt of this number. */
  | { readonly type: "playground-shuffle"; readonly number: number }
  /** The attempt after the actor's next move, drawn by this number; the same where it has ended. */
  | { readonly type: "playground-step"; readonly attempt: Attempt; readonly number: number }
  | {
    readonly type: "playground-ask";
    readonly attempt: Attempt;
    readonly size: CriticSize;
    readonly seed: number;
  };

/** What answers a question of the same type. */
export type PlaygroundReply =
  | { readonly type: "playground-begin"; readonly generators: readonly string[] }
  | { readonly type: "playground-shuffle"; readonly attempt: Attempt }
  | { readonly type: "playground-step"; readonly attempt: Attempt }
  | { readonly type: "playground-ask"; readonly answers: PlaygroundAnswers };
