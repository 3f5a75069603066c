/** The critics by name. A new one is one file and one line here. */
import { UsageError } from "../errors.ts";
import { chooseFrom } from "../suggest.ts";
import type { CriticDefinition } from "./critic.ts";
import {
  discriminativeAuxiliary,
  discriminativeGru,
  discriminativeGruAuxiliary,
  discriminativeHlGauss,
  discriminativeLooped,
  discriminativeLoopedAuxiliary,
  discriminativeMse,
} from "./discriminative.ts";
import { cot, cotScalar, filler, oneShot } from "./generative.ts";

/** Every trainable critic. The oracle (exact values) is `environment.exactValue`, in `oracle.ts`. */
export const critics: Readonly<Record<string, CriticDefinition>> = Object.fromEntries(
  [
    discriminativeMse,
    discriminativeHlGauss,
    discriminativeAuxiliary,
    discriminativeGru,
    discriminativeGruAuxiliary,
    discriminativeLooped,
    discriminativeLoopedAuxiliary,
    oneShot,
    filler,
    cot,
    cotScalar,
  ].map((definition) => [definition.name, definition]),
);

/** The critic of that name. Throws UsageError with the choices for an unknown one. */
export function criticDefinition(name: string): CriticDefinition {
  const definition = Object.hasOwn(critics, name) ? critics[name] : undefined;
  if (!definition) {
    const choices = chooseFrom(name, Object.keys(critics));
    throw new UsageError("critic", name, `unknown critic; ${choices}`);
  }
  return definition;
}
