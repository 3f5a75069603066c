import assert from "node:assert/strict";
import { z } from "zod";
import { type Command, execute } from "./command.ts";
import { describeLeftOut, rolloutFlags, rolloutsOf } from "./rollout_flags.ts";
import { terminalProgress } from "./terminal_progress.ts";

const flags = z.object(rolloutFlags);

/** Exit code, what was printed and what was said of errors. */
async function run(...argv: string[]) {
  const printed: string[] = [], errors: string[] = [];
  const { log, error } = console;
  console.log = (text) => void printed.push(text);
  console.error = (text) => void errors.push(text);
  const command: Command<typeof flags.shape> = {
    name: "read",
    summary: "Reads.",
    flags,
    run: async (values) => {
      const rollouts = rolloutsOf(values, terminalProgress({ live: false }));
      const records = await Array.fromAsync(rollouts);
      console.log(records.map(({ group, outcome }) => `${group} ${outcome}`).join("; "));
      console.log(describeLeftOut(rollouts.counts));
      return 0;
    },
  };
  try {
    return { code: await execute(command, argv), printed, error: errors.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("flags say what a file does not, and errors say which flag", async () => {
  const path = Deno.makeTempFileSync({ suffix: ".jsonl" });
  const rows = [{ q: "1+1", a: "2", acc: 1, id: 7 }, { q: "1+1", a: "3", acc: -1, id: 7 }];
  Deno.writeTextFileSync(path, [...rows, "{"].map((row) => JSON.stringify(row)).join("\n"));
  const map = "--map=prompt=q,response=a,outcome=acc";
  const file = `--rollouts=${path}`;

  assert.match((await run(file)).error, /columns \(q, a, acc, id\).*--format/);
  assert.match((await run(file, map)).error, /--outcome-range=LOWEST,HIGHEST/);
  assert.match((await run(file, map, "--outcome-range=1")).error, /lowest and the highest/);
  assert.match((await run(file, "--map=q")).error, /--map: "q": give FIELD=COLUMN/);
  assert.match((await run(file, "--map=promt=q")).error, /did you mean prompt\?/);
  assert.match((await run(file, map, "--outcome-range=0,1")).error, /line 2: acc: -1: outside/);

  const whole = [file, map, "--map=group=id", "--outcome-range=-1,1"];
  const strict = await run(...whole);
  assert.equal(strict.code, 2);
  assert.match(strict.error, /line 3: line: .*one JSON object a line/);
  const { code, printed } = await run(...whole, "--max-bad-share=0.5");
  assert.equal(code, 0);
  assert.equal(printed[0], "7 1; 7 0");
  assert.match(printed[1]!, /^unreadable: 1 of 3 rows, such as .*line 3/);
  Deno.removeSync(path);
});
