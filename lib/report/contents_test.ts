import assert from "node:assert/strict";
import { withContents } from "./contents.ts";
import { readPage } from "./testing.ts";

const PAGE = `<main><h1>Title</h1><!-- contents -->
<script>write("<h2>No heading</h2>");</script>
<h2>What was run?</h2><h2>Is <em>r<sup>2</sup></em> &lt; 0?</h2>
<h2 id="verify" class="a">Verify <a href="#b">this</a></h2>
<h2>What was run</h2><h2>?</h2><h3>Not this</h3>
<p><a href="06-controls.ipynb">Controls</a> <a href="https://example.org/06-controls.ipynb">Other</a></p></main>`;

Deno.test("headings are listed in their order, each with a link to its section", () => {
  const { texts, attributes, html } = readPage(withContents(PAGE));
  assert.deepEqual(texts("nav li"), [
    "What was run?",
    "Is r2 < 0?",
    "Verify this",
    "What was run",
    "?",
  ]);
  const ids = ["what-was-run", "is-r2-0", "verify", "what-was-run-2", "section"];
  assert.deepEqual(attributes("nav li > a", "href"), ids.map((id) => `#${id}`));
  assert.deepEqual(attributes("main > h2", "id"), ids);
  assert.deepEqual(texts("nav li a a"), []);
  assert.ok(html.indexOf("<nav") > html.indexOf("</h1>"), "where the page wants it");
  assert.ok(html.includes('write("<h2>No heading</h2>")'), "scripts stay as they are");
});

Deno.test("by keys one stops at text that scrolls, not at every cell", () => {
  const cell = '<div class="jp-Cell-inputWrapper" tabindex="0"><pre>a</pre></div>';
  const { attributes } = readPage(withContents(`<!-- contents -->${cell}`));
  assert.deepEqual(attributes("div, pre", "tabindex"), [null, "0"]);
});

Deno.test("links to other notebooks of the kit lead to their reports", () => {
  const { attributes } = readPage(withContents(PAGE));
  assert.deepEqual(attributes("p a", "href"), [
    "06-controls.html",
    "https://example.org/06-controls.ipynb",
  ]);
});

Deno.test("a page without a place for contents stays as it is, one with a single section has none", () => {
  assert.equal(withContents("<h2>One</h2><h2>Two</h2>"), "<h2>One</h2><h2>Two</h2>");
  assert.equal(
    withContents("<!-- contents --><h2>One</h2>"),
    '<h2 id="one">One</h2>',
  );
});
