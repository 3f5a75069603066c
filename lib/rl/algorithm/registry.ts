/** The RL algorithms by name. A new one is one file and one line here. */
import { UsageError } from "../../errors.ts";
import type { RlAlgorithm } from "./algorithm.ts";
import { drGrpo } from "./dr_grpo.ts";
import { genac } from "./genac.ts";
import { grpo } from "./grpo.ts";
import { oracle } from "./oracle.ts";
import { ppo } from "./ppo.ts";
import { processReward } from "./process_reward.ts";
import { reinforce } from "./reinforce.ts";
import { rloo } from "./rloo.ts";
import { sae } from "./sae.ts";
import { sp3o } from "./sp3o.ts";
import { vapo } from "./vapo.ts";
import { vcPpo } from "./vc_ppo.ts";
import { vinePpo } from "./vineppo.ts";

/** Every algorithm. */
export const rlAlgorithms: Readonly<Record<string, RlAlgorithm>> = Object.fromEntries(
  [
    reinforce,
    rloo,
    grpo,
    drGrpo,
    ppo,
    vcPpo,
    vapo,
    sae,
    sp3o,
    genac,
    vinePpo,
    processReward,
    oracle,
  ].map((algorithm) => [algorithm.name, algorithm]),
);

/** The algorithm of that name. Throws UsageError with the choices for an unknown one. */
export function rlAlgorithm(name: string): RlAlgorithm {
  const algorithm = Object.hasOwn(rlAlgorithms, name) ? rlAlgorithms[name] : undefined;
  if (!algorithm) {
    const choices = Object.keys(rlAlgorithms).join(", ");
    throw new UsageError("algorithm", name, `unknown algorithm; choose from ${choices}`);
  }
  return algorithm;
}
