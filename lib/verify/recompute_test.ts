import assert from "node:assert/strict";
import { registry } from "../../experiments/registry.ts";
import { pinsPath, readPins } from "../run/pins.ts";
import { PROFILES } from "../run/experiment.ts";
import { compareConclusions } from "./comparison.ts";
import { NOT_IN_PAGES } from "./not_in_pages.ts";
import { pinnedProfile } from "./pinned.ts";
import { recomputeConclusions } from "./recompute.ts";

for (const [name, load] of Object.entries(registry)) {
  if (NOT_IN_PAGES.includes(name)) continue;
  Deno.test(`${name}: pinned cells give the pinned summary and verdicts, and every pin is offered`, async () => {
    const { default: experiment } = await load();
    for (const profile of PROFILES) {
      const pins = readPins(pinsPath(experiment, profile));
      if (!pins) continue;
      const known = pinnedProfile(experiment, profile)!;
      const ids = known.cells.map(({ id }) => id);
      assert.deepEqual(ids.toSorted(), Object.keys(pins.cells).toSorted());
      const got = recomputeConclusions(experiment, profile, pins.cells);
      assert.ok(compareConclusions(known, got).equal, profile);
    }
  });
}
