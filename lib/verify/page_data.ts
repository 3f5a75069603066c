import type { PinnedProfile } from "./pinned.ts";

/** What a page is told about itself. */
export interface PageData {
  readonly experiment: string;
  /** SHA-256 of the engine's script. */
  readonly bundle: string;
  /** At least one: the smoke profile, then the report's own if that is another. */
  readonly profiles: readonly PinnedProfile[];
}

/** Id of the element that carries the engine's script. */
export const ENGINE_ELEMENT = "genac-engine";
/** Id of the element that carries the page's data as JSON. */
export const DATA_ELEMENT = "genac-verify-data";
