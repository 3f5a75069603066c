/** What a verifier is told about a response besides its text. */
export interface VerifierTask {
  /** The right answer, where the rollout has one. */
  readonly groundTruth?: string;
  /** The prompt's text. */
  readonly prompt: string;
}

/** A verifier's judgement of one response. */
export interface Verdict {
  /** In [0, 1]; 0 where the verifier failed, as trainers have it. */
  readonly outcome: number;
  /** Why the verifier failed (it threw, or took too long); absent where it did not. */
  readonly failure?: string;
}

/** Grades whole responses. */
export interface Verifier {
  /** "numeric", or the path of the user's file: what results call it. */
  readonly name: string;
  /** Whatever its verdicts depend on, as a digest: equal digests, equal verdicts. */
  readonly digest: string;
  /**
   * Grades a response, from its first token on.
   *
   * @throws UsageError where it cannot grade anything: no ground truth, or what a verifier's file returns is no outcome.
   */
  verify(response: string, task: VerifierTask): Promise<Verdict>;
  /** Ends whatever runs it. */
  close(): void;
}

/** A verifier's file: what it exports by default. The response and the task are text from outside: compare, never run. */
export type VerifierFunction = (
  response: string,
  task: VerifierTask,
) => number | boolean | Promise<number | boolean>;
