import assert from "node:assert/strict";
import { makeInteractive } from "./interactive.ts";

Deno.test("a page without figures gets no script", async () => {
  assert.equal(await makeInteractive("<p>a</p><!-- plotly.js --></body>"), "<p>a</p></body>");
});

Deno.test("a page with figures gets plotly.js once, packed, from nowhere else", async () => {
  const figure = '<script type="application/json" class="genac-plotly">{}</script>';
  const html = await makeInteractive(`${figure}${figure}<!-- plotly.js --></body>`);
  assert.equal(html.split('id="genac-plotly-js"').length, 2);
  assert.doesNotMatch(html, /src=|https?:/);
  assert.ok(html.length < 5e6);
  const packed = html.match(/id="genac-plotly-js">([^<]+)</)![1]!;
  const stream = new Blob([Uint8Array.fromBase64(packed)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const source = await new Response(stream).text();
  assert.match(source, /plotly\.js v4\.1\.1/);
});

Deno.test("a figure has one description, its parts have none", async () => {
  const svg = '<svg role="img" aria-label="Error"><g fill="#000" aria-label="dot" stroke="none">' +
    '<rect aria-label="frame" x="1"/></g></svg><p aria-label="No part">a</p>';
  assert.equal(
    await makeInteractive(svg),
    '<svg role="img" aria-label="Error"><g fill="#000" stroke="none"><rect x="1"/></g></svg>' +
      '<p aria-label="No part">a</p>',
  );
});
