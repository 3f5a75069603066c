/**
 * Follows the checklists of lib/README.md to the letter in a copy of the checkout: their code blocks are what is added,
 * at the places that they name, and their commands are what is run.
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type Checkout, copyCheckout } from "./cli/testdata/checkout.ts";
import { ROOT } from "./root.ts";

/** A step: what its sentence says, and its code block. */
interface Step {
  readonly text: string;
  readonly code: string;
}

/** The steps of each checklist, by its heading. */
function checklists(page: string): Map<string, Step[]> {
  return new Map(
    page.split(/^## /m).slice(1).map((section) => {
      const steps = section.matchAll(/^\*\*(\d+)\.\*\* ([^]*?):\n\n```\w+\n([^]*?)```$/gm);
      const found = Array.from(steps, ([, number, text, code], i) => {
        assert.equal(Number(number), i + 1, `${text}: steps are numbered from 1 on`);
        return { text: text!.replaceAll(/\s+/g, " "), code: code! };
      });
      const blocks = section.matchAll(/^```\w+$/gm);
      assert.equal(found.length, Array.from(blocks).length, "every code block belongs to a step");
      return [section.slice(0, section.indexOf("\n")), found];
    }),
  );
}

/** Does what a step says: adds a file, adds lines at a line that is there once, or runs commands. */
async function follow({ text, code }: Step, folder: string): Promise<void> {
  const [, added] = /^New file `(.+)`$/.exec(text) ?? [];
  const [, changed, side, anchor] = /^In `(.+?)`, (above|below) the line `(.+)`$/.exec(text) ?? [];
  if (added) {
    Deno.mkdirSync(dirname(`${folder}/${added}`), { recursive: true });
    Deno.writeTextFileSync(`${folder}/${added}`, code, { createNew: true });
  } else if (changed) {
    const lines = Deno.readTextFileSync(`${folder}/${changed}`).split("\n");
    const places = lines.flatMap((line, i) => line.trim() === anchor ? i : []);
    assert.equal(places.length, 1, `${changed}: the line ${anchor}`);
    lines.splice(places[0]! + (side === "below" ? 1 : 0), 0, ...code.trimEnd().split("\n"));
    Deno.writeTextFileSync(`${folder}/${changed}`, lines.join("\n"));
  } else {
    await run(code, folder);
  }
}

/** Runs a step's commands, up to the first that fails, with this very deno. */
async function run(commands: string, folder: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-e", "-c", `deno() { "$DENO" "$@"; }\n${commands}`],
    cwd: folder,
    env: { DENO: Deno.execPath(), NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert.ok(success, `${commands}${text}`);
}

Deno.test({
  name: "whoever follows a checklist of lib/README.md has what it promises",
  ignore: Deno.build.os === "windows", // sh is needed
  async fn(t) {
    const page = Deno.readTextFileSync(`${ROOT}lib/README.md`);
    using checkout: Checkout = copyCheckout("genac-kit");
    for (const [heading, steps] of checklists(page)) {
      await t.step(heading, async () => {
        assert.ok(steps.length > 1);
        for (const step of steps) await follow(step, checkout.folder);
      });
    }
  },
});

Deno.test("a step that cannot be followed is found", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/a.ts`, "one\ntwo\n  two\n");
    const text = (anchor: string) => `In \`a.ts\`, below the line \`${anchor}\``;
    await follow({ text: text("one"), code: "  new\n" }, folder);
    assert.equal(Deno.readTextFileSync(`${folder}/a.ts`), "one\n  new\ntwo\n  two\n");
    await assert.rejects(follow({ text: text("two"), code: "" }, folder), /a\.ts: the line two/);
    await assert.rejects(follow({ text: text("three"), code: "" }, folder), /the line three/);
    await assert.rejects(follow({ text: "New file `a.ts`", code: "" }, folder));
    assert.throws(() => checklists("## A\n\n```ts\nlost\n```\n"), /every code block/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
