/** Text from elsewhere is shown, never obeyed: whatever a model, a file or a configuration says. */
import assert from "node:assert/strict";
import { marked } from "marked";
import { figure } from "./figure.ts";
import { foldedJson } from "./folded_json.ts";
import { DISPLAY, type Displayable, escapeHtml, escapeMarkdown } from "./mime.ts";
import { provenanceTable } from "./provenance_table.ts";
import { show } from "./show.ts";
import { table } from "./table.ts";
import { readPage } from "./testing.ts";
import { tokenSequence } from "./token_sequence.ts";
import { verdictCards } from "./verdict_card.ts";

/** Markup, Markdown, a terminal's escapes, marks of direction, ends of what the text stands in. */
const EVIL = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  "</td></table></details></svg></code></pre>",
  "[link](javascript:alert(1)) ![image](x.png) **bold** # heading | cell",
  "``` ` $x$ &lt;b&gt; %{x} {{ 7 * 7 }} {% raw %}",
  "\x1b[31mred\x1b]0;title\x07 \x9b2J",
  "\u202eturned\u2066 \u200fmark\u200e \ufeff\u200b",
].join(" ");

const SHOWN: Readonly<Record<string, Displayable>> = {
  table: table({
    caption: EVIL,
    rows: [EVIL, `two\n${EVIL}`],
    columns: [{ title: EVIL, unit: EVIL, cell: (row) => row }],
    emphasize: (row) => row === EVIL,
  }),
  "long table": table({
    caption: EVIL,
    rows: Array.from({ length: 30 }, () => EVIL),
    columns: [{ title: EVIL, cell: (row) => row }],
  }),
  "verdict cards": verdictCards(["confirmatory", "exploratory"].map((family) => ({
    id: EVIL,
    statement: EVIL,
    verdict: "undecided",
    reading: EVIL,
    paper: EVIL,
    readAs: EVIL,
    sesoi: EVIL,
    family: family as "confirmatory" | "exploratory",
    evidence: { [EVIL]: EVIL, nested: { [EVIL]: [EVIL] } },
  }))),
  "provenance": provenanceTable({ [EVIL]: EVIL, nested: { [EVIL]: [EVIL] } }, EVIL),
  "folded JSON": foldedJson(EVIL, { [EVIL]: [EVIL] }),
  "tokens": tokenSequence([{ text: EVIL, subject: EVIL, label: EVIL, tone: "wrong" }], EVIL),
  "figure of lines": figure({
    title: EVIL,
    subtitle: EVIL,
    x: { title: EVIL, unit: EVIL },
    y: { title: EVIL },
    series: ["a", "b"].map((panel) => ({
      kind: "line",
      name: EVIL,
      panel: `${panel}${EVIL}`,
      points: [{ x: 0, y: 0, label: EVIL }, { x: 1, y: 1, low: 0, high: 2, label: EVIL }],
    })),
    references: [
      { axis: "y", value: 0.5, label: EVIL },
      { axis: "x", value: 0.5, label: EVIL },
      { axis: "diagonal", label: EVIL },
    ],
  }),
  "figure of rows": figure({
    title: EVIL,
    x: { title: EVIL },
    y: { title: EVIL },
    series: [{ kind: "rows", name: EVIL, rows: [{ category: EVIL, x: 1 }] }],
  }),
  "figure of bars": figure({
    title: EVIL,
    x: { title: EVIL },
    y: { title: EVIL },
    series: [{ kind: "bars", name: EVIL, bars: [{ category: EVIL, y: 1 }] }],
  }),
};

/** Elements that this library never writes, and attributes that run something. */
const FOREIGN = "script, img, iframe, link, style, object, embed, form, a, b, em, h1";

/** No character of the text is obeyed by a page: neither as markup nor for the direction of what follows. */
function assertHarmless(html: string): void {
  const page = readPage(html);
  assert.deepEqual(page.texts(FOREIGN), []);
  assert.deepEqual(page.texts("[onerror], [onload], [onclick]"), []);
  // deno-lint-ignore no-control-regex -- they are what is looked for
  assert.doesNotMatch(html, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066\ufeff]/);
  assert.ok(html.includes("&lt;script&gt;"), "it is shown");
  assert.ok(html.includes("\\x1b[31mred"), "it is shown");
}

for (const [name, thing] of Object.entries(SHOWN)) {
  const bundle = thing[DISPLAY]();
  for (const type of ["text/html", "image/svg+xml"] as const) {
    if (bundle[type] === undefined) continue;
    Deno.test(`${name}: ${type} does not obey text from elsewhere`, () =>
      assertHarmless(bundle[type]!));
  }
  if (bundle["text/markdown"] !== undefined) {
    Deno.test(`${name}: neither does its Markdown`, () => {
      const html = marked.parse(bundle["text/markdown"]!, { async: false });
      assertHarmless(html.replaceAll(/<\/?strong>/g, ""));
      assert.deepEqual(readPage(html).texts("code, ul, ol"), []);
    });
  }
}

Deno.test("Plotly, which reads some HTML and templates, gets them escaped", () => {
  for (const [name, thing] of Object.entries(SHOWN)) {
    const json = thing[DISPLAY]()["application/vnd.plotly.v1+json"];
    if (json === undefined) continue;
    const { data, layout } = json as { data: object[]; layout: object };
    const texts = (value: unknown): string[] =>
      typeof value === "string"
        ? [value]
        : typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => key === "legendgroup" ? [] : texts(inner))
        : [];
    for (const { hovertemplate } of data as { hovertemplate?: string }[]) {
      assert.doesNotMatch(hovertemplate ?? "", /%\{(?!customdata\[\d\]\})/, name);
    }
    const all = [...texts(data), ...texts(layout)];
    assert.ok(all.some((text) => text.includes("&lt;script&gt;")), name);
    for (const text of all) {
      assert.doesNotMatch(text, /<(?!\/?(b|br|span|extra)\b)/, name);
      // deno-lint-ignore no-control-regex -- they are what is looked for
      assert.doesNotMatch(text, /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]/, name);
    }
  }
});

Deno.test("a terminal gets no escapes from what is shown there", async () => {
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => printed.push(text);
  try {
    await show(...Object.values(SHOWN), EVIL);
  } finally {
    console.log = log;
  }
  assert.equal(printed.length, Object.keys(SHOWN).length + 1);
  for (const text of printed) {
    // deno-lint-ignore no-control-regex -- they are what is looked for
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200f]/);
  }
});

Deno.test("escaped text keeps its lines, and ordinary text its letters", () => {
  assert.equal(
    escapeHtml('a\n\t"b" <c> & \u0627\u0644'),
    "a\n\t&quot;b&quot; &lt;c&gt; &amp; \u0627\u0644",
  );
  assert.equal(escapeMarkdown("r2 of 0.4\n_x_ é"), "r2 of 0.4<br>\\_x\\_ é");
});
