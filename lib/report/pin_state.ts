/**
 * How a run stands to its pins, in a word or two: the same in the terminal and on the reports' page.
 */
import type { PinCheck } from "../run/pin_check.ts";
import { VERDICT_LOOKS, type VerdictLook } from "./verdict.ts";

const GOOD = VERDICT_LOOKS["supported"];
const BAD = VERDICT_LOOKS["contradicted"];
const OPEN = VERDICT_LOOKS["undecided"];

/** Words of at most 16 characters, and a verdict's look. */
export const PIN_STATES: Readonly<
  Record<PinCheck["state"], { readonly words: string; readonly look: VerdictLook }>
> = {
  "matched": { words: "pins equal", look: GOOD },
  "from pins": { words: "from the pins", look: OPEN },
  "mismatched": { words: "pins NOT EQUAL", look: BAD },
  "within tolerance": { words: "within tolerance", look: GOOD },
  "out of tolerance": { words: "OUT OF TOLERANCE", look: BAD },
  "partly pinned": { words: "partly pinned", look: OPEN },
  "not pinned": { words: "not pinned", look: OPEN },
  "updated": { words: "pins rewritten", look: OPEN },
};
