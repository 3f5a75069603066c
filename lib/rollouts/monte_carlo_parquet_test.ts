import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import { type MonteCarloRow, writeMonteCarloParquet } from "./monte_carlo_parquet.ts";
import type { RolloutRecord } from "./record.ts";
import { inFolder, read } from "./testing.ts";

/** Rollouts of every kind: with all fields and with none, fractional outcomes, no probes, odd text. */
function records(count: number): RolloutRecord[] {
  return Array.from({ length: count }, (_, i): RolloutRecord => {
    const required = {
      group: `g${i >> 1}`,
      outcome: i % 2 === 0 ? 0.25 : 1,
      probes: i % 3 === 0 ? [] : [
        { at: 0, unit: "token" as const, mean: 0.5, n: 8 },
        { at: 2, unit: "token" as const, mean: 1 / (i + 2), n: i + 2 },
      ],
      problem: `What is ${i}?`,
      response: { text: "a\u202e é 😀 \0", tokens: [4, 5, 6 + i] },
    };
    if (i % 4 === 0) return { ...required, prompt: { tokens: [1, 2] } };
    return {
      ...required,
      prompt: { text: "q", tokens: [1, 2] },
      steps: i % 2 === 0 ? [] : ["x", ""],
      logProbabilities: [-0.5, 0, -1e-9],
      groundTruth: "7",
      verifier: "math",
      trainingStep: i,
      actor: "m",
      successRate: 0.5,
      tokenLimit: 8,
    };
  });
}

function row(record: RolloutRecord, i: number): MonteCarloRow {
  const semantics = "fixed_intervals_plus_final_action";
  return {
    record,
    siblings: i % 2 === 0 ? [] : [record, { ...record, response: { tokens: [1] }, outcome: 0 }],
    probeMode: "fixed",
    probeSemantics: semantics,
    ...i % 5 === 0 ? { continuationTexts: [["a", ""], []] } : {},
  };
}

Deno.test(
  "records come back as they were, over several row groups, and equal ones give equal bytes",
  inFolder(async (folder) => {
    const written = records(600), path = `${folder}/new/values.parquet`;
    assert.equal(await writeMonteCarloParquet(path, written.map(row)), 600);
    const back = await read(path);
    assert.equal(back.format, "monte-carlo");
    assert.deepEqual(back.records, written);
    async function* slowly() {
      for (const [i, record] of written.entries()) yield await Promise.resolve(row(record, i));
    }
    await writeMonteCarloParquet(`${folder}/again.parquet`, slowly());
    const bytes = Deno.readFileSync(path);
    assert.deepEqual(Deno.readFileSync(`${folder}/again.parquet`), bytes);

    // Written over its own source, which is read meanwhile.
    await writeMonteCarloParquet(path, back.records.slice(0, 3).map(row));
    assert.deepEqual((await read(path)).records, written.slice(0, 3));
    const half = writeMonteCarloParquet(
      path,
      (function* () {
        yield row(written[0]!, 0);
        throw new RangeError("the server is gone");
      })(),
    );
    await assert.rejects(half, RangeError);
    assert.deepEqual((await read(path)).records, written.slice(0, 3), "the old file stays");
    assert.deepEqual([...Deno.readDirSync(`${folder}/new`)].length, 1);
  }),
);

Deno.test(
  "probes of text are told from probes at tokens; a row has one kind",
  inFolder(async (folder) => {
    const [record] = records(1) as [RolloutRecord];
    const path = `${folder}/a.parquet`;
    const at = (unit: "char" | "token") => ({ at: 1, unit, mean: 0.5, n: 2 });
    const text: RolloutRecord = {
      group: "g",
      prompt: { text: "q" },
      problem: "q",
      response: { text: "abc" },
      outcome: 0,
      probes: [at("char")],
    };
    await writeMonteCarloParquet(path, [row(text, 0)]);
    assert.deepEqual((await read(path)).records, [text]);
    const mixed = { ...record, probes: [at("char"), at("token")] };
    await assert.rejects(writeMonteCarloParquet(path, [row(mixed, 0)]), TypeError);
    Deno.mkdirSync(`${folder}/b.parquet`);
    await assert.rejects(writeMonteCarloParquet(`${folder}/b.parquet`, []), UsageError);
  }),
);

/** A Python that has pandas with pyarrow; undefined where none was found. */
function pythonWithPandas(): string | undefined {
  // The first is where CI installs them.
  const names = [`${ROOT}.cache/peers/bin/python`, "python3", "python"];
  return names.find((python) => {
    try {
      const args = ["-c", "import pandas, pyarrow"];
      return new Deno.Command(python, { args, stderr: "null" }).outputSync().success;
    } catch {
      return false;
    }
  });
}

const python = pythonWithPandas();

/** What the fork's scripts ask of a row (scoring it and comparing scores), printed as JSON. */
const ASK = `
import json, sys
import pandas as pd, pyarrow.parquet as pq
path = sys.argv[1]
df = pd.read_parquet(path)
rows = []
for _, row in df.iterrows():
    probes = [
        [int(pos), float(mc), len(row["rollout_tokens"][:pos]), 8 - int(pos)]
        for pos, mc in zip(row["probe_positions"], row["mc_values"], strict=True)
    ]
    rows.append({
        "is_correct": bool(row.get("rollout_is_correct")), "problem": str(row["problem"]), "probes": probes,
        "siblings": [[s["text"], s["is_correct"]] for s in row["sibling_rollouts"]],
        "prompt": row["prompt_token_ids"].tolist(), "num": int(row["num_continuations"]), "text": row["rollout_text"],
    })
print(json.dumps({"columns": list(df.columns)[:17], "types": [str(t) for t in pq.read_schema(path).types][:17], "rows": rows}))
`;

Deno.test({
  name: `pandas reads our file as the fork's scripts do${
    python ? "" : " (skipped: no Python with pandas and pyarrow)"
  }`,
  ignore: python === undefined,
  fn: inFolder(async (folder) => {
    const path = `${folder}/ours.parquet`, written = records(300);
    await writeMonteCarloParquet(path, written.map(row));
    const ask = (file: string) => {
      const args = ["-c", ASK, file];
      const { success, stdout, stderr } = new Deno.Command(python!, { args }).outputSync();
      assert(success, new TextDecoder().decode(stderr));
      return JSON.parse(new TextDecoder().decode(stdout));
    };
    const ours = ask(path), forks = ask(`${ROOT}lib/rollouts/testdata/monte_carlo_zstd.parquet`);
    assert.deepEqual(ours.columns, forks.columns);
    const types = (names: string[]) =>
      // Newer pandas writes its large strings; a list's element may have another name.
      names.map((name) =>
        name.replaceAll("large_string", "string").replaceAll("item:", "element:")
      );
    assert.deepEqual(types(ours.types), types(forks.types));
    assert.deepEqual(
      ours.rows,
      written.map((record, i) => ({
        is_correct: i % 2 === 1,
        problem: record.problem,
        probes: record.probes!.map(({ at, mean }) => [at, mean, at, 8 - at]),
        siblings: i % 2 === 0 ? [] : [[record.response.text, true], [null, false]],
        prompt: [1, 2],
        num: record.probes!.length === 0 ? 0 : Math.max(8, i + 2),
        text: record.response.text,
      })),
    );
  }),
});
