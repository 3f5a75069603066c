import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import { type ReadOptions, type ReadProgress, readRollouts } from "./read_rollouts.ts";
import { inFolder, read, writeLines } from "./testing.ts";
import { writeRollouts } from "./write_rollouts.ts";

const ROW = { input: "q", output: "a", gts: "7", score: 1, step: 4 };
const LINE = JSON.stringify(ROW);
const RANGE: ReadOptions = { outcomeRange: [0, 1] };

async function failure(promise: Promise<unknown>): Promise<string> {
  let message = "";
  await assert.rejects(promise, (error: Error) => {
    assert(error instanceof UsageError, error.stack);
    message = error.message;
    return true;
  });
  // A terminal obeys none of it.
  // deno-lint-ignore no-control-regex -- they are what is looked for
  assert.doesNotMatch(message, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  return message;
}

Deno.test(
  "the first bad row ends the reading and is named: file, line, field, remedy",
  inFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [{ ...ROW, score: 2 }, /: score: 2: outside of the stated range \[0, 1\]$/],
      [{ ...ROW, score: "1" }, /: score: "1": a number, true or false is needed$/],
      [{ ...ROW, output: undefined }, /: output: "missing": no response.*--map response=COLUMN/],
      [{ ...ROW, step: 1.5 }, /: step: 1\.5: .*int.*; --map trainingStep= leaves it out$/],
      [{ ...ROW, score: 1.00001 }, /: score: 1\.00001: outside/],
      [{ ...ROW, output: 5 }, /: output: 5: .*string/],
      [{ ...ROW, input: [1, -2] }, /: input: -2: /],
      [LINE.replace('"score":1', '"score":NaN'), /: score: "empty": no outcome/],
      [LINE.slice(0, -9), /: line: .*no JSON.*is the line cut/],
      ["[1]", /: line: .*an array.*jq/],
      ["null", /: line: .*one JSON object a line/],
      ['"\x1b[31m\u202e"', /: line: "\\"\\\\x1b\[31m\\\\u\{202e\}\\"": /],
    ];
    for (const [row, expected] of cases) {
      writeLines(path, [ROW, "", row, ROW]);
      const message = await failure(read(path, RANGE));
      assert(message.startsWith(`${path}, line 3: `), message);
      assert.match(message, expected);
    }
    Deno.writeFileSync(path, Uint8Array.of(0x7b, 0xff, 0x7d));
    assert.match(
      await failure(read(path, { ...RANGE, format: "verl" })),
      /line 1: line: "not UTF-8"/,
    );
  }),
);

Deno.test(
  "rewards in single precision are inside of their range",
  inFolder(async (folder) => {
    const scores = [Math.fround(1.1), Math.fround(-0.1)];
    const path = writeLines(`${folder}/a.jsonl`, scores.map((score) => ({ ...ROW, score })));
    const { records } = await read(path, { outcomeRange: [-0.1, 1.1] });
    assert.deepEqual(records.map(({ outcome }) => outcome), [1, 0]);
  }),
);

Deno.test(
  "bad rows up to a share are counted, with reasons of the first; more are too many",
  inFolder(async (folder) => {
    const path = writeLines(`${folder}/a.jsonl`, [
      ...Array.from({ length: 4 }, () => ({ ...ROW, score: 7 })),
      ...Array.from({ length: 6 }, () => ROW),
    ]);
    const { counts } = await read(path, { ...RANGE, maxBadShare: 0.4 });
    assert.deepEqual([counts.read, counts.bad, counts.reasons.length], [6, 4, 3]);
    assert.match(counts.reasons[2]!, /line 3: score: 7/);
    const message = await failure(read(path, { ...RANGE, maxBadShare: 0.39 }));
    assert.match(message, /4 of 10 rows are bad": more than --max-bad-share 0\.39; .*line 1/);

    // Of a wrong format no more is read than shows that it is wrong.
    const wrong = writeLines(`${folder}/b.jsonl`, Array.from({ length: 200 }, () => ROW));
    const options: ReadOptions = { ...RANGE, format: "trl", map: { outcome: "score" } };
    assert.match(await failure(read(wrong, { ...options, maxBadShare: 0.9 })), /"100 of 100 rows/);
  }),
);

Deno.test(
  "lines as Windows, Python and editors write them",
  inFolder(async (folder) => {
    const path = `${folder}/a.jsonl`;
    const text = LINE.replace(
      "{",
      '{"length_penalty":-Infinity,"kl":NaN,"note":"NaN \\" -Infinity",',
    );
    Deno.writeTextFileSync(path, `\ufeff${text}\r\n\r\n${LINE}\r\n   \n${LINE}`);
    const { records } = await read(path, { ...RANGE, map: { problem: "note" }, maxBadShare: 0.9 });
    assert.deepEqual(records.map(({ problem }) => problem), ['NaN " -Infinity']);
    assert.equal((await read(path, RANGE)).records.length, 3);
    // Python escapes halves of pairs by themselves.
    writeLines(path, [LINE.replace('"a"', '"\\ud83d"')]);
    assert.equal((await read(path, RANGE)).records[0]!.response.text, "\ufffd");
  }),
);

Deno.test(
  "gzip is read, also in several members; damage is said",
  inFolder(async (folder) => {
    const path = `${folder}/a.jsonl.gz`;
    const members = [gzipSync(`${LINE}\n`), gzipSync(`${LINE}\n${LINE}\n`)];
    Deno.writeFileSync(path, Uint8Array.from(members.flatMap((member) => [...member])));
    assert.equal((await read(path, RANGE)).records.length, 3);
    Deno.writeFileSync(path, members[1]!.subarray(0, members[1]!.length - 9));
    assert.match(await failure(read(path, RANGE)), /a\.jsonl\.gz: .*half-written gzip/);
  }),
);

Deno.test(
  "a reading that is given up closes the file",
  inFolder(async (folder) => {
    const path = writeLines(`${folder}/a.jsonl`, Array.from({ length: 9 }, () => ROW));
    Deno.writeFileSync(`${path}.gz`, gzipSync(Deno.readFileSync(path)));
    // Deno's own check of what a test leaves open is what is tested.
    for (const one of [path, `${path}.gz`]) {
      for await (const record of readRollouts(one, RANGE)) {
        assert.equal(record.outcome, 1);
        break;
      }
    }
  }),
);

Deno.test(
  "files that hold no rollouts are said to, with what to do",
  inFolder(async (folder) => {
    const path = `${folder}/a`;
    const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
      ["", /a: "empty": /],
      ["\n \n", /a: "no rollouts": no rows: /],
      [Uint8Array.of(0xff, 0xfe, 0x7b, 0), /"UTF-16": save the file as UTF-8/],
      [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), /"zstd": unpack it first/],
      ["PAR1 and no more than that", /"26 bytes": no Parquet footer: the file is half written/],
      ["PAR1", /"4 bytes": no Parquet footer/],
      ["PAR1----------PARE", /encrypted Parquet/],
      ["PAR1\xff\xff\xff\x00\x09\x00\x00\x00PAR1", /damaged Parquet/],
    ];
    for (const [content, expected] of cases) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(path, bytes);
      assert.match(await failure(read(path, RANGE)), expected);
    }
    assert.match(await failure(read(`${folder}/none`)), /none: "missing": give a file/);
    assert.match(await failure(read(folder)), /"no rollouts": no \.jsonl.* here but a$/);
    if (Deno.build.os !== "windows") {
      assert.match(await failure(read("/dev/null")), /"no file": /);
    }
  }),
);

Deno.test(
  "a folder's files are read in the order of their numbers, and no others",
  inFolder(async (folder) => {
    for (const step of [10, 9, 100]) writeLines(`${folder}/${step}.jsonl`, [{ ...ROW, step }]);
    writeLines(`${folder}/._9.jsonl`, ["no rollouts"]);
    writeLines(`${folder}/notes.txt`, ["no rollouts"]);
    const { records } = await read(folder, RANGE);
    assert.deepEqual(records.map(({ trainingStep }) => trainingStep), [9, 10, 100]);
    Deno.writeTextFileSync(`${folder}/a.parquet`, "PAR1");
    assert.match(await failure(read(folder, RANGE)), /"Parquet beside JSON lines"/);
  }),
);

Deno.test(
  "damage inside of a Parquet file is said, whatever of it was read before",
  inFolder(async (folder) => {
    const whole = Deno.readFileSync(`${ROOT}lib/rollouts/testdata/monte_carlo_snappy.parquet`);
    let refused = 0;
    for (let at = 4; at < whole.length - 8; at += 97) {
      const bytes = whole.slice();
      bytes[at]! ^= 0xff;
      const path = `${folder}/${at}.parquet`;
      Deno.writeFileSync(path, bytes);
      try {
        await read(path, { maxBadShare: 0.9 });
      } catch (error) {
        assert(error instanceof UsageError, (error as Error).stack);
        refused++;
      }
    }
    assert(refused > 20, `${refused}`);
    Deno.writeFileSync(`${folder}/cut.parquet`, whole.subarray(0, whole.length / 2));
    assert.match(await failure(read(`${folder}/cut.parquet`)), /half written or cut/);
  }),
);

Deno.test("options that cannot be are refused before anything is read", () => {
  const bad = (options: unknown) => () => readRollouts("none", options as ReadOptions);
  assert.throws(bad({ map: { outcom: "x" } }), /--map: "outcom": .*did you mean outcome\?/);
  assert.throws(bad({ outcomeRange: [1, 1] }), /--outcome-range: "1,1"/);
  assert.throws(bad({ outcomeRange: [0, Infinity] }), /--outcome-range/);
  assert.throws(bad({ maxBadShare: 1 }), /--max-bad-share: 1/);
  assert.throws(bad({ maxBadShare: NaN }), /--max-bad-share/);
  assert.throws(bad({ format: "x" }), /format: "x"/);
});

Deno.test(
  "the kit's own records come back as they were; a bad one is named by its field",
  inFolder(async (folder) => {
    const records = [{
      group: "g",
      prompt: { text: "q", tokens: [1] },
      problem: "q?",
      response: { tokens: [2, 3] },
      steps: ["a", "b"],
      logProbabilities: [-0.5, 0],
      outcome: 0.5,
      groundTruth: "7",
      verifier: "exact",
      trainingStep: 0,
      actor: "m",
      successRate: 0.25,
      tokenLimit: 4,
      probes: [
        { at: 2, unit: "token" as const, mean: 1 / 3, n: 3 },
        { at: 0, unit: "step" as const, mean: 0, n: 1 },
      ],
    }, { group: "h", prompt: { text: "" }, response: { text: "" }, outcome: 1 }];
    const path = `${folder}/new/a.jsonl`;
    assert.equal(await writeRollouts(path, records), 2);
    const back = await read(path);
    assert.deepEqual(back.records, records);
    assert.equal(back.format, "genac");

    const [first] = records;
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [
        { ...first, probes: [{ at: 3, unit: "token", mean: 0, n: 1 }] },
        /probes: "token 3": .*2 tokens/,
      ],
      [{ ...first, probes: [{ at: 0, unit: "char", mean: 0, n: 1 }] }, /"char 0": .*no chars/],
      [{ ...first, probes: [{ at: 0, unit: "token", mean: 2, n: 1 }] }, /probes: 2: /],
      [{ ...first, logProbabilities: [-1] }, /logProbabilities: "1 for 2 tokens"/],
      [{ ...first, logProbabilities: [-1, 0.5] }, /logProbabilities: 0\.5: /],
      [{ ...first, response: {} }, /response: "\{\}": neither text nor token ids/],
      [{ ...first, response: { tokens: [1], txt: "" } }, /response: /],
      [{ ...first, outcome: 1.5 }, /outcome: 1\.5: outside/],
      [{ ...first, group: null }, /group: "empty"/],
    ];
    for (const [record, expected] of cases) {
      writeLines(path, [record]);
      assert.match(await failure(read(path)), expected);
    }
    const left = await read(writeLines(path, [{ ...first, logProbabilities: [-1] }]), {
      map: { logProbabilities: "" },
    });
    assert.equal(left.records[0]!.logProbabilities, undefined);
  }),
);

Deno.test(
  "a large file is read in constant memory, with progress",
  inFolder(async (folder) => {
    const path = `${folder}/large.jsonl`;
    const MEBIBYTE = 1 << 20, SIZE = 200 * MEBIBYTE;
    {
      const line = `${JSON.stringify({ ...ROW, output: "x".repeat(20_000) })}\n`;
      const block = new TextEncoder().encode(line.repeat(50));
      using file = Deno.openSync(path, { write: true, create: true });
      for (let written = 0; written < SIZE; written += block.length) file.writeSync(block);
    }
    const seen: ReadProgress[] = [];
    const rollouts = readRollouts(path, {
      ...RANGE,
      onProgress: (progress) => seen.push(progress),
    });
    const before = Deno.memoryUsage().rss;
    let largest = 0, chars = 0;
    for await (const { response } of rollouts) {
      chars += response.text!.length;
      if (rollouts.counts.read % 500 === 0) largest = Math.max(largest, Deno.memoryUsage().rss);
    }
    assert.equal(chars, 20_000 * rollouts.counts.read);
    assert(rollouts.counts.read > 10_000);
    const grown = (largest - before) / MEBIBYTE;
    assert(grown < 100, `grew by ${grown} MiB`);
    const last = seen.at(-1)!;
    assert.deepEqual([last.bytesRead, last.records], [last.bytes, rollouts.counts.read]);
    assert.equal(last.bytes, Deno.statSync(path).size);
    assert(seen.every(({ bytesRead }, i) => i === 0 || bytesRead >= seen[i - 1]!.bytesRead));
  }),
);
