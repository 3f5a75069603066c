import assert from "node:assert/strict";
import { answers } from "../../experiments/answers.ts";
import { registry } from "../../experiments/registry.ts";
import { ROOT } from "../root.ts";
import { answerOf, stalePages } from "./readme.ts";

const readme = Deno.readTextFileSync(`${ROOT}README.md`);

Deno.test("what the pages say of results is what the pinned ones say", async () => {
  assert.deepEqual(await stalePages(), [], "run `deno task readme` and commit the result");
});

Deno.test("an answer that rests on other verdicts than the pinned ones is refused", () => {
  const rows = [
    { id: "C1", statement: "It is.", verdict: "supported" },
    { id: "C2", statement: "It grows.", verdict: "undecided" },
  ] as const;
  const given = { C1: "supported" } as const;
  assert.equal(answerOf("scaling", rows, { sentence: "Yes.", given }), "Yes.");
  assert.equal(answerOf("new", rows, undefined), "Supported: It is.");
  for (const wrong of [{ C1: "contradicted" }, { C3: "supported" }] as const) {
    assert.throws(
      () => answerOf("scaling", rows, { sentence: "Yes.", given: wrong }),
      /experiments\/answers\.ts: scaling: .* C[13], which is "(supported|undefined)": write it/,
    );
  }
});

Deno.test("every answer is an experiment's", () => {
  assert.deepEqual(Object.keys(answers).filter((name) => !Object.hasOwn(registry, name)), []);
});

Deno.test("the front page is short, and begins with the commands", () => {
  assert.ok(new TextEncoder().encode(readme).length <= 8192);
  const firstScreen = readme.split("\n").slice(0, 20).join("\n");
  for (const command of ["deno@2.9.6 task reproduce", "deno@2.9.6 task test"]) {
    assert.ok(firstScreen.includes(command), command);
  }
});

Deno.test("the front page's program runs, and its critic is near the exact value", async () => {
  const [, program] = /```ts\n([^]*?)```/.exec(readme)!;
  assert.equal(program!.split("\n").filter((line) => line.trim() !== "").length, 15);
  const path = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    Deno.writeTextFileSync(path, program!);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--check", `--config=${ROOT}deno.json`, path],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.ok(success, new TextDecoder().decode(stderr));
    const [, exact, critic] = /exact ([\d.]+)\ncritic ([\d.]+)/.exec(text) ?? assert.fail(text);
    assert.ok(Math.abs(Number(exact) - Number(critic)) <= 0.1, text);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("the front page's map is in the order of the imports", () => {
  const [, map] = /above it in this list[^]*?```\n([^]*?)```/.exec(readme)!;
  const folders = map!.trim().split("\n").map((line) => line.split("/ ")[0]!);
  const [, order] = /ORDER = \[([^]*?)\];/.exec(
    Deno.readTextFileSync(`${ROOT}lib/imports_test.ts`),
  )!;
  const held = Array.from(order!.matchAll(/"([^"]+)"/g), ([, path]) => path!)
    .filter((path) => !path.endsWith(".ts"));
  assert.deepEqual(folders, held);
});

Deno.test("every word in the id of one of the paper's claims is explained", async () => {
  const page = Deno.readTextFileSync(`${ROOT}experiments/README.md`);
  const [, table] = /\| Word \| Meaning \|\n([^]*?)\n\n/.exec(page)!;
  const explained = Array.from(table!.matchAll(/`([a-z-]+)`/g), ([, word]) => word!);
  for (const load of Object.values(registry)) {
    for (const { id } of (await load()).default.claims.filter(({ id }) => /^C\d/.test(id))) {
      let rest = id.replace(/^C\d-?/, "");
      for (const word of explained) rest = rest.replace(new RegExp(`(^|-)${word}(?=-|$)`), "");
      assert.equal(rest, "", id);
    }
  }
});
