import assert from "node:assert/strict";
import { DISPLAY } from "./mime.ts";
import { show } from "./show.ts";
import { table } from "./table.ts";

async function printed(action: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const log = console.log;
  console.log = (text: string) => void lines.push(text);
  try {
    await action();
  } finally {
    console.log = log;
  }
  return lines;
}

Deno.test("outside Jupyter show prints the plain text, in order", async () => {
  const one = table({ rows: [1], columns: [{ title: "n", cell: (n) => n }] });
  assert.deepEqual(await printed(() => show("**bold**", one)), ["**bold**", "n\n-\n1"]);
});

Deno.test("show refuses what it cannot show, before it shows anything", async () => {
  const lines = await printed(() =>
    assert.rejects(show("text", 7 as never), /show: argument 2 is number: give a string/)
  );
  assert.deepEqual(lines, []);
});

Deno.test("the display method is the one the Deno kernel looks for", () => {
  assert.equal(DISPLAY, Symbol.for("Jupyter.display"));
});
