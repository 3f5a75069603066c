import type { AnyExperiment } from "../../lib/run/experiment.ts";
import { webgpuCellTest } from "../shared/webgpu_testing.ts";
import llm from "./mod.ts";

// Supervised training, generation by actor and critics, RL. What both seeds have: four metrics of one critic, two of the other.
webgpuCellTest(llm as AnyExperiment, "tiny/rl/seed1", { compared: 6, hasCurve: false });
