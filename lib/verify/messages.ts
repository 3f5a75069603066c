/** What a page and the engine's Worker in it say to each other. Each request is answered by its `id`. */
import type { AnyMetrics, ProfileName } from "../run/experiment.ts";
import type { PlaygroundQuestion, PlaygroundReply } from "./playground/messages.ts";

/** Which cell: `id` as in the pins. */
export interface CellAddress {
  readonly experiment: string;
  readonly profile: ProfileName;
  readonly cell: string;
}

/** What a page asks for. */
export type Request =
  | ({ readonly type: "cell"; readonly id: number } & CellAddress)
  | {
    readonly type: "conclusions";
    readonly id: number;
    readonly experiment: string;
    readonly profile: ProfileName;
    /** Of all cells of the profile, by id. */
    readonly cells: Readonly<Record<string, Pick<RecomputedCell, "metrics" | "digests">>>;
  }
  | { readonly type: "hash"; readonly id: number; readonly text: string }
  | ({ readonly id: number } & PlaygroundQuestion);

/** What the Worker answers: of a cell progress any number of times, then one of the others. */
export type Reply =
  | { readonly type: "ready" }
  | {
    readonly type: "progress";
    readonly id: number;
    readonly done: number;
    readonly total: number;
  }
  | ({ readonly type: "cell"; readonly id: number } & RecomputedCell)
  | ({ readonly type: "conclusions"; readonly id: number } & Conclusions)
  | { readonly type: "hash"; readonly id: number; readonly sha256: string }
  | ({ readonly id: number } & PlaygroundReply)
  | { readonly type: "failed"; readonly id: number; readonly message: string };

/** What a cell's training gave here. */
export interface RecomputedCell {
  /** SHA-256 of the configuration that it was trained with. */
  readonly configHash: string;
  /** SHA-256 of the kernels that computed. */
  readonly kernels: string;
  readonly metrics: AnyMetrics;
  /** SHA-256 of the metrics. */
  readonly metricsHash: string;
  readonly digests: Readonly<Record<string, string>>;
}

/** What follows from all cells of a profile. */
export interface Conclusions {
  /** SHA-256 of the profile's configuration. */
  readonly configHash: string;
  /** SHA-256 of the summary. */
  readonly summary: string;
  /** Verdicts by claim. */
  readonly verdicts: Readonly<Record<string, string>>;
}
