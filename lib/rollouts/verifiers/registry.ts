import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "../../errors.ts";
import { sha256 } from "../../numeric/digest.ts";
import { readBytes } from "../../run/files.ts";
import { suggest } from "../../suggest.ts";
import { printable } from "../printable.ts";
import { gradeExact } from "./exact.ts";
import { gradeNumeric, lastNumber } from "./numeric.ts";
import { openSandbox } from "./sandbox.ts";
import type { Verifier, VerifierTask } from "./verifier.ts";

/** Raised for a verifier whose verdicts change, so that what an older one graded is graded again. */
const VERSION = 1;

const MATH_ANSWER = new URL("./math_answer.ts", import.meta.url).href;

/** The verifiers that the kit has, by name. */
const BUILT_IN: Readonly<Record<string, () => Verifier | Promise<Verifier>>> = {
  exact: () => inProcess("exact", gradeExact),
  numeric: () =>
    inProcess("numeric", gradeNumeric, (truth) => {
      if (lastNumber(truth) === null) {
        throw new UsageError(
          "--verifier",
          "numeric",
          `no number in the ground truth "${printable(truth, 60)}"`,
        );
      }
    }),
  "math-answer": async () => {
    const digest = `math-answer ${VERSION}`;
    const { verify, ...verifier } = await openSandbox({
      name: "math-answer",
      digest,
      url: MATH_ANSWER,
    });
    return {
      ...verifier,
      verify: async (response, task) => {
        truthOf("math-answer", task);
        return await verify(response, task);
      },
    };
  },
};

/** Names of the verifiers that the kit has. */
export const VERIFIERS: readonly string[] = Object.keys(BUILT_IN);

/**
 * Opens a verifier: one of `VERIFIERS`, or a TypeScript or JavaScript file by its path, which is run without any permission
 * (`openSandbox`). Close it after use.
 *
 * A file's digest is that of the file alone: after a change in what it imports, change a character of it too.
 *
 * @param name A name, or a path that ends in .ts, .js or .mjs.
 * @throws UsageError for neither, or a file that cannot be used.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { openVerifier } from "genac";
 *
 * const verifier = await openVerifier("numeric");
 * const task = { prompt: "3 + 4?", groundTruth: "7" };
 * assert.deepEqual(await verifier.verify("3 + 4 = 7. #### 7", task), { outcome: 1 });
 * verifier.close();
 * ```
 */
export async function openVerifier(name: string): Promise<Verifier> {
  if (Object.hasOwn(BUILT_IN, name)) return await BUILT_IN[name]!();
  if (!/\.(?:ts|js|mjs)$/.test(name)) {
    const choices = `choose from ${VERIFIERS.join(", ")}, or give the path of a .ts file`;
    throw new UsageError("--verifier", name, `${suggest(name, VERIFIERS)} ${choices}`.trimStart());
  }
  const bytes = readBytes(name, "give the path of a TypeScript file that exports a function");
  const url = pathToFileURL(resolve(name)).href;
  return await openSandbox({ name, digest: sha256(bytes), url });
}

function inProcess(
  name: string,
  grade: (response: string, groundTruth: string) => number,
  check: (groundTruth: string) => void = () => {},
): Verifier {
  return {
    name,
    digest: `${name} ${VERSION}`,
    // deno-lint-ignore require-await
    async verify(response, task) {
      const truth = truthOf(name, task);
      check(truth);
      return { outcome: grade(response, truth) };
    },
    close: () => {},
  };
}

function truthOf(name: string, { groundTruth, prompt }: VerifierTask): string {
  if (groundTruth !== undefined && groundTruth.trim() !== "") return groundTruth;
  throw new UsageError(
    "--verifier",
    name,
    `a rollout has no ground truth ("${
      printable(prompt, 60)
    }"): name its field with --map groundTruth=..., ` +
      "or give a verifier's file that needs none",
  );
}
