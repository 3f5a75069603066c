import { UsageError } from "../errors.ts";
import type { Architecture } from "./architecture.ts";
import type { LanguageModelConfig } from "./config.ts";

/** Throws UsageError if the kernels cannot run the architecture. */
export function checkArchitecture(a: Architecture): void {
  for (const name of ["hiddenSize", "headDim", "intermediateSize"] as const) {
    if (a[name] % 16 === 0) continue;
    const remedy = "the kernels need a multiple of 16: choose another model";
    throw new UsageError(`architecture.${name}`, a[name], remedy);
  }
}

/** Throws UsageError, which names the field, if no model can have this config. */
export function checkLanguageModel(config: LanguageModelConfig): void {
  const { architecture: { maxPositions, ropeScaling }, maxLength, valueHead } = config;
  if (!Number.isInteger(maxLength) || maxLength < 1) {
    throw new UsageError("maxLength", maxLength, "give a positive integer");
  }
  if (maxLength > maxPositions && ropeScaling.type !== "dynamic") {
    throw new UsageError("maxLength", maxLength, `the model is made for ${maxPositions} tokens`);
  }
  const outputs = valueHead?.outputs ?? 1;
  if (!Number.isInteger(outputs) || outputs < 1) {
    throw new UsageError("valueHead.outputs", outputs, "give a positive integer");
  }
  if (!config.languageHead && !valueHead) {
    throw new UsageError("languageHead", false, "give the model this head or a value head");
  }
}
