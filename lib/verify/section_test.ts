import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { registry } from "../../experiments/registry.ts";
import { pinsPath, readPins } from "../run/pins.ts";
import { engineBundle } from "./bundle.ts";
import { DATA_ELEMENT, ENGINE_ELEMENT, type PageData } from "./page_data.ts";
import { NOT_IN_PAGES } from "./not_in_pages.ts";
import { packed, verifySection } from "./section.ts";
import { makeVerifiable } from "./verifiable.ts";

/** What an element of the page carries. */
function carried(html: string, id: string): string {
  const base64 = html.match(new RegExp(`<script type="text/plain" id="${id}">([^<]*)</script>`));
  return new TextDecoder().decode(gunzipSync(Uint8Array.fromBase64(base64![1]!)));
}

Deno.test("what is packed is unpacked, and cannot end its element", () => {
  const text = "</script><!-- é \u2028";
  const html = packed("x", text);
  assert.equal(carried(html, "x"), text);
});

for (const [name, load] of Object.entries(registry)) {
  if (NOT_IN_PAGES.includes(name)) continue;
  Deno.test(`${name}: the section takes at most 300 KB, and carries engine and pins`, async () => {
    const { default: experiment } = await load();
    const html = await verifySection(experiment, "standard", true);
    const pinned = (["smoke", "standard"] as const)
      .filter((profile) => readPins(pinsPath(experiment, profile)) !== undefined);
    if (pinned.length === 0) return assert.equal(html, "");
    assert.ok(html.length <= 300_000, `${html.length} bytes`);
    const { text, sha256 } = await engineBundle();
    assert.equal(carried(html, ENGINE_ELEMENT), text);
    const data: PageData = JSON.parse(carried(html, DATA_ELEMENT));
    assert.equal(data.bundle, sha256);
    assert.deepEqual(data.profiles.map(({ profile }) => profile), pinned);
    assert.equal(html.match(/<script/g)!.length, html.match(/<\/script>/g)!.length);
    assert.doesNotMatch(html, /https?:\/\/(?!www\.w3\.org)/);
  });
}

Deno.test("a report has the section where its template wants it; of no experiment, it says so", async () => {
  const page = "<main>report<!-- verify --></main>";
  const own = await makeVerifiable(page, "01-scaling", "quick");
  assert.match(own, /^<main>report<section id="genac-verify" [^]*<\/section><\/main>$/);
  assert.match(own, /The numbers of this report/);
  const { profiles }: PageData = JSON.parse(carried(own, DATA_ELEMENT));
  assert.deepEqual(profiles.map(({ profile }) => profile), ["smoke", "quick"]);
  const other = await makeVerifiable(page, "00-quickstart", undefined);
  assert.match(other, /those of the experiment <i>scaling<\/i> are pinned/);
  assert.equal(await makeVerifiable("<p>", "01-scaling", "quick"), "<p>");
});
