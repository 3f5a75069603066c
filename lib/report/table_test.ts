import assert from "node:assert/strict";
import { DISPLAY } from "./mime.ts";
import { table } from "./table.ts";
import { readPage } from "./testing.ts";

const ROWS = [
  { critic: "CoT | <b>", size: 25344, rmse: { estimate: 0.0261, low: 0.02, high: 0.03 } },
  { critic: "filler", size: 786432, rmse: { estimate: 0.24, low: null, high: null } },
];

const BUNDLE = table({
  caption: "Errors & more",
  rows: ROWS,
  columns: [
    { title: "critic", cell: (row) => row.critic },
    { title: "size", unit: "parameters", cell: (row) => row.size },
    { title: "RMSE", cell: (row) => row.rmse, decimals: 3 },
  ],
  emphasize: (row) => row.size < 1e5,
})[DISPLAY]();

Deno.test("a table in plain text is aligned, numbers to the right", () => {
  assert.equal(
    BUNDLE["text/plain"],
    [
      "Errors & more",
      "",
      "critic     size (parameters)                  RMSE",
      "---------  -----------------  --------------------",
      "CoT | <b>             25,344  0.026 [0.020, 0.030]",
      "filler               786,432                 0.240",
    ].join("\n"),
  );
});

Deno.test("a table in Markdown escapes what Markdown would read", () => {
  assert.equal(
    BUNDLE["text/markdown"],
    [
      "Errors \\& more",
      "",
      "| critic | size (parameters) | RMSE |",
      "| :--- | ---: | ---: |",
      "| **CoT \\| \\<b\\>** | **25,344** | **0.026 \\[0.020, 0.030\\]** |",
      "| filler | 786,432 | 0.240 |",
    ].join("\n"),
  );
});

Deno.test("a table in HTML scrolls within the page, has no scripts and escapes text", () => {
  const html = BUNDLE["text/html"]!;
  assert.match(
    html,
    /^<div style="overflow-x:auto" role="group" tabindex="0" aria-label="Errors &amp; more"><table><caption[^>]*>Errors &amp; more<\/caption>/,
  );
  assert.match(html, /<strong>CoT \| &lt;b&gt;<\/strong>/);
  assert.doesNotMatch(html, /<script|<b>/);
});

Deno.test("an empty table has its header, an undefined number a dash", () => {
  const columns = [{ title: "x", cell: (row: { x: number | null }) => row.x }];
  assert.equal(table({ rows: [], columns })[DISPLAY]()["text/plain"], "x\n-");
  assert.match(table({ rows: [{ x: null }], columns })[DISPLAY]()["text/plain"], /–$/);
});

Deno.test("a long table is folded under its caption and the number of its rows", () => {
  const of = (count: number) =>
    table({
      caption: "Every seed",
      rows: Array.from({ length: count }, (_, x) => ({ x })),
      columns: [{ title: "x", cell: (row) => row.x }],
    })[DISPLAY]()["text/html"]!;
  const [short, long] = [readPage(of(15)), readPage(of(16))];
  assert.deepEqual(short.texts("summary"), []);
  assert.deepEqual(short.texts("caption"), ["Every seed"]);
  assert.deepEqual(long.texts("details > summary"), ["Every seed (16 rows)"]);
  assert.equal(long.texts("details tbody tr").length, 16);
  assert.deepEqual(long.attributes("[role=group][tabindex]", "aria-label"), ["Every seed"]);
});
