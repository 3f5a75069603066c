import assert from "node:assert/strict";
import { answers } from "../../experiments/answers.ts";
import { registry } from "../../experiments/registry.ts";
import { ROOT } from "../root.ts";
import type { EvaluatedClaim } from "../run/run.ts";
import { linesOf, stalePages } from "./readme.ts";

const readme = Deno.readTextFileSync(`${ROOT}README.md`);

Deno.test("what the pages say of results is what the pinned ones say", async () => {
  assert.deepEqual(await stalePages(), [], "run `deno task readme` and commit the result");
});

const evidence = { GRPO: { estimate: 0.412, low: 0.333, high: 0.491 }, episodes: 2400 };
const terms = { reading: "0.4 | 0.3", evidence: {} };
const claims: EvaluatedClaim[] = [
  { ...terms, id: "E1", statement: "It helps.", family: "exploratory", verdict: "undecided" },
  {
    ...terms,
    id: "C1",
    statement: "It is |better|.",
    family: "confirmatory",
    sesoi: "0.05 of success",
    verdict: "supported",
    evidence,
  },
  { ...terms, id: "C2", statement: "It grows.", family: "confirmatory", verdict: "contradicted" },
];

Deno.test("confirmatory claims stand in a table, their numbers and exploratory claims are folded", () => {
  const experiment = { name: "credit", title: "Does it?", notebook: "08-credit" };
  const run = { profile: "standard", seeds: 5 } as const;
  const { front, verdicts } = linesOf(experiment, claims, run, undefined);
  assert.equal(
    front,
    "- **[Does it?](notebooks/08-credit.ipynb)** Supported: It is |better|. " +
      "([confirmatory: 1 of 2 supported](experiments/README.md#credit))",
  );
  assert.equal(
    verdicts.join("\n"),
    `\
## credit

**Does it?** Supported: It is |better|.

Confirmatory: 1 of 2 supported; profile standard, 5 seeds; report: [08-credit](../notebooks/08-credit.ipynb).

| Id | Claim | Verdict | Smallest effect of interest |
|---|---|---|---|
| C1 | It is \\|better\\|. | **supported** | 0.05 of success |
| C2 | It grows. | **contradicted** |  |

<details><summary>The numbers behind each verdict</summary>

| Id | Numbers |
|---|---|
| C1 | 0.4 \\| 0.3 |
| C2 | 0.4 \\| 0.3 |

</details>

<details><summary>Exploratory claims: 1 undecided</summary>

| Id | Claim | Verdict | Numbers |
|---|---|---|---|
| E1 | It helps. | **undecided** | 0.4 \\| 0.3 |

</details>`,
  );
});

Deno.test("pins of few seeds support nothing and contradict nothing", () => {
  const few = claims.map((claim) => ({ ...claim, verdict: "see standard" as const }));
  const run = { profile: "smoke", seeds: 2 } as const;
  const { front } = linesOf({ name: "noise", title: "Is it?" }, few, run, undefined);
  assert.equal(
    front,
    "- **Is it?** Too few seeds for verdicts: It is |better|. " +
      "([too few seeds for verdicts](experiments/README.md#noise))",
  );
});

Deno.test("an experiment without confirmatory claims says that it explores", () => {
  const experiment = { name: "noise", title: "Is it?" };
  const run = { profile: "smoke", seeds: 2 } as const;
  const { front, verdicts } = linesOf(experiment, claims.slice(0, 1), run, undefined);
  assert.equal(
    front,
    "- **Is it?** Undecided: It helps. ([exploratory: 0 of 1 supported](experiments/README.md#noise))",
  );
  assert.ok(verdicts.includes("Exploratory: 0 of 1 supported; profile smoke, 2 seeds."));
  assert.equal(verdicts.filter((line) => line.startsWith("| Id")).length, 1);
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
  const [, map] = /import only from those above[^]*?```\n([^]*?)```/.exec(readme)!;
  const folders = map!.trim().split("\n").map((line) => line.split("/ ")[0]!);
  const [, order] = /ORDER = \[([^]*?)\];/.exec(
    Deno.readTextFileSync(`${ROOT}lib/imports_test.ts`),
  )!;
  const held = Array.from(order!.matchAll(/"([^"]+)"/g), ([, path]) => path!)
    .filter((path) => !path.endsWith(".ts"));
  assert.deepEqual(folders, held);
});

Deno.test("the words in the ids of the paper's claims are explained, and no others", async () => {
  const page = Deno.readTextFileSync(`${ROOT}experiments/README.md`);
  const [, table] = /\| Word \| Meaning \|\n([^]*?)\n\n/.exec(page)!;
  const explained = Array.from(table!.matchAll(/`([\w-]+)`/g), ([, word]) => word!);
  const unused = new Set(explained);
  for (const load of Object.values(registry)) {
    for (const { id } of (await load()).default.claims.filter(({ id }) => /^C\d/.test(id))) {
      let rest = id.replace(/^C\d-?/, "");
      for (const word of explained) {
        const without = rest.replace(new RegExp(`(^|-)${word}(?=-|$)`), "");
        if (without !== rest) unused.delete(word);
        rest = without;
      }
      assert.equal(rest, "", id);
    }
  }
  assert.deepEqual([...unused], [], "words that no id has");
});
