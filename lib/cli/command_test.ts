import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { type Command, execute, formatHelp, parseFlags } from "./command.ts";

const flags = z.object({
  profile: z.enum(["smoke", "quick"]).default("quick").describe("how much"),
  threads: z.int().min(1).default(2).describe("how many at once"),
  seeds: z.array(z.int()).optional().describe("which seeds"),
  names: z.array(z.string()).default([]).describe("which ones"),
  updatePins: z.boolean().default(false).describe("rewrite"),
  notebooks: z.boolean().default(true).describe("leave them out"),
});
const command: Command<typeof flags.shape> = {
  name: "try",
  summary: "Tries.",
  flags,
  run: () => Promise.resolve(0),
};
const DEFAULTS = {
  profile: "quick",
  threads: 2,
  seeds: undefined,
  names: [],
  updatePins: false,
  notebooks: true,
};

const CASES: [string, object][] = [
  ["", {}],
  ["--profile smoke --threads=4", { profile: "smoke", threads: 4 }],
  ["--seeds 1,2 --seeds=3", { seeds: [1, 2, 3] }],
  ["--names a,b --names c", { names: ["a", "b", "c"] }],
  ["--names 7", { names: ["7"] }],
  ["--update-pins --no-notebooks", { updatePins: true, notebooks: false }],
  ["--threads 3 --threads 4", { threads: 4 }],
];
for (const [line, expected] of CASES) {
  Deno.test(`"${line}" is understood`, async () => {
    const argv = line === "" ? [] : line.split(" ");
    assert.deepEqual(await parseFlags(command, argv), { ...DEFAULTS, ...expected });
  });
}

const MISTAKES: [string, RegExp][] = [
  ["--seeds 1,,2", /^--seeds\.1: "": Invalid input: expected number/],
  ["--threads=", /^--threads: "": a value is missing/],
  ["--threads 0.5", /^--threads: 0\.5: Invalid input: expected int/],
  ["--update-pin", /^flag: "--update-pin": unknown: did you mean --update-pins\?/],
  ["--updatePins", /did you mean --update-pins\?/],
  ["-- x", /^argument: "x": not a flag: see deno task try --help/],
];
for (const [line, message] of MISTAKES) {
  Deno.test(`"${line}" is refused`, async () => {
    await assert.rejects(parseFlags(command, line.split(" ")), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("help comes from the schema", () => {
  assert.equal(
    formatHelp(command),
    `Tries.

Usage: deno task try [flags]

  --profile smoke|quick  how much (default: quick)
  --threads N            how many at once (default: 2)
  --seeds N,..           which seeds
  --names TEXT,..        which ones
  --update-pins          rewrite
  --no-notebooks         leave them out
  --help                 print this page

Exit codes: 0 done; 1 a check failed; 2 bad usage or input.`,
  );
});

Deno.test("a bug is not taken for bad usage", async () => {
  const broken = { ...command, run: () => Promise.reject(new TypeError("a bug")) };
  await assert.rejects(execute(broken, []), TypeError);
});
