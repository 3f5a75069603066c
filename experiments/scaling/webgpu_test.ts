import type { AnyExperiment } from "../../lib/run/experiment.ts";
import { webgpuCellTest } from "../shared/webgpu_testing.ts";
import scaling from "./mod.ts";

// The cheapest cell; one with a chain of thought takes 40 s on a software adapter. Four metrics on two test sets.
webgpuCellTest(scaling as AnyExperiment, "discriminative-mse/d16-L2/seed1", {
  compared: 8,
  hasCurve: true,
});
