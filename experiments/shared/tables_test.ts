import assert from "node:assert/strict";
import { DISPLAY, type Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { scoresOf, type TestScores } from "./scores.ts";
import { CRITIC_COLUMNS, rawScoresTable, scoreColumns, searchTable } from "./tables.ts";

/** The lines of a table in plain text, without its rule. */
function lines(thing: Displayable): string[] {
  return thing[DISPLAY]()["text/plain"].split("\n").filter((line) => !/^[- ]*$/.test(line));
}

const row = {
  title: "Discriminative (MSE)",
  size: "d16-L1",
  rmse: scoresOf([0.1, 0.2, 0.3]),
  expectationRmse: null,
};
const columns = scoreColumns<typeof row>((row) => row as unknown as TestScores);

Deno.test("a score is a mean over seeds, with Student's interval where that is asked for", () => {
  const shown = table({
    rows: [row],
    columns: [
      ...CRITIC_COLUMNS,
      columns("RMSE", "rmse", 3),
      columns("RMSE [95%]", "rmse", 3, "interval"),
      columns("by expectation", "expectationRmse", 3),
    ],
  });
  // By hand: sd 0.1, t of 2 degrees of freedom 4.303: 0.2 -+ 0.248.
  assert.match(
    lines(shown).at(-1)!,
    /^Discriminative \(MSE\) +d16-L1 +0\.200 +0\.200 \[−0\.048, 0\.448\] +–$/,
  );
});

Deno.test("raw scores have a column for each seed, by its number", () => {
  const shown = rawScoresTable({
    caption: "RMSE",
    columns: CRITIC_COLUMNS,
    rows: [row],
    scores: ({ rmse }) => rmse.scores,
    seeds: [6, 7, 8],
  });
  const [caption, head, first] = lines(shown);
  assert.equal(caption, "RMSE");
  assert.match(head!, /^critic +size +seed 6 +seed 7 +seed 8$/);
  assert.match(first!, /0\.1000 +0\.2000 +0\.3000$/);
});

Deno.test("the chosen learning rate of a search is in bold", () => {
  const rows = [
    { learningRate: 1e-3, chosen: false, loss: 0.25 },
    { learningRate: 2e-3, chosen: true, loss: 0.125 },
  ];
  const shown = searchTable({ columns: [], rows }, "loss", ({ loss }) => loss)[DISPLAY]();
  const bold = Array.from(shown["text/html"]!.matchAll(/<strong>(.*?)<\/strong>/g), ([, x]) => x);
  assert.deepEqual(bold, ["0.00200", "0.1250"]);
});
