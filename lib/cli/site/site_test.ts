import assert from "node:assert/strict";
import { answers } from "../../../experiments/answers.ts";
import { answerOf } from "../../../experiments/shared/answer.ts";
import { readPage } from "../../report/testing.ts";
import { ROOT } from "../../root.ts";
import { pinnedExperiments } from "../readme.ts";
import { SITE } from "../site.ts";
import { apiReference } from "./api.ts";
import { siteProblems } from "./check.ts";
import { siteFiles } from "./files.ts";
import { renderMarkdown } from "./markdown.ts";
import { relativeTo } from "./page.ts";
import { replaceFolder } from "./replace_folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const filesOf = (texts: Record<string, string>) =>
  new Map(Object.entries(texts).map(([path, text]) => [path, bytes(text)]));
const report = (links: string) =>
  `<!DOCTYPE html><html lang="en"><body class="jp-Notebook">${links}</body></html>`;

Deno.test("the whole site: every link leads somewhere, nothing is loaded from elsewhere", async () => {
  const reports = new Map([
    ["01-scaling", report('<a href="06-controls.ipynb">Controls</a>')],
    ["02-backends", report('<h2 id="genac-playground">Ask</h2>')],
    ["06-controls", report('<a href="01-scaling.ipynb">Scaling</a>')],
  ]);
  const files = new Map([...await siteFiles(reports), ...await apiReference()]);
  assert.deepEqual(siteProblems(files), []);
  const pages = [...files.keys()].filter((path) => path.endsWith(".html"));
  assert(pages.length > 500);
  const textOf = (path: string) => new TextDecoder().decode(files.get(path));
  for (const path of pages) {
    const html = textOf(path);
    assert(html.includes('<html lang="en">'), path);
    // Whoever was sent to any page finds the front page.
    assert(html.includes(`<a href="${relativeTo(path, "index.html")}"`), path);
  }
  const page = (path: string) => readPage(textOf(path));
  const front = page("index.html");
  assert.deepEqual(front.texts("h1"), [
    "Does a value model get better when it thinks before it answers?",
  ]);
  const [figure] = front.attributes("main img", "src");
  assert(files.has(figure!));
  assert.match(front.attributes("main img", "alt")[0]!, /^Error against parameters/);
  // Of those whose decisive runs are pinned.
  const pinned = (await pinnedExperiments()).filter(({ profile }) => profile === "standard");
  assert.deepEqual(front.texts(".cards h3"), pinned.map(({ experiment }) => experiment.title));
  const said = front.texts(".cards p:nth-of-type(1)");
  pinned.forEach(({ experiment: { name }, claims }, i) => {
    assert.equal(said[i], answerOf(name, claims, answers[name]));
  });
  assert.equal(front.attributes(".cards h3 a", "href")[0], "reports/01-scaling.html");
  assert.deepEqual(front.attributes(".actions a", "href"), [
    "reports/02-backends.html#genac-playground",
    "reports/index.html",
  ]);
  const listed = page("reports/index.html");
  assert.equal(listed.texts(".cards h3").length, 3);
  assert(listed.texts(".cards li").every((text) => text.length > 100), "more than a title");
});

Deno.test("what would be loaded from elsewhere is found, in every way in which pages load", () => {
  const loading = {
    script: '<script src="https://cdn.example/a.js"></script>',
    style: '<link rel="stylesheet" href="//cdn.example/a.css">',
    image: "<img alt='' src='http://cdn.example/a.png'>",
    set: '<img alt="" srcset="data:image/png;base64,AA 1x, https://cdn.example/a.png 2x">',
    bare: "<iframe src=https://cdn.example/></iframe>",
    font: "<style>@font-face { src: url( 'https://cdn.example/a.woff' ) }</style>",
    sheet: '<style>@import "https://cdn.example/a.css";</style>',
    attribute: '<p style="background:url(&quot;https://cdn.example/a.png&quot;)">',
    drawing: '<svg><image xlink:href="https://cdn.example/a.png"/></svg>',
  };
  for (const [name, html] of Object.entries(loading)) {
    const problems = siteProblems(filesOf({ "a/b.html": html }));
    assert.equal(problems.length, 1, name);
    assert.match(problems[0]!, /^a\/b\.html: loads from elsewhere: .*cdn\.example/, name);
  }
  const sheet = siteProblems(
    filesOf({ "a.css": "body { background: url(https://cdn.example/a) }" }),
  );
  assert.equal(sheet.length, 1);
});

Deno.test("links may lead elsewhere, but not nowhere", () => {
  const files = filesOf({
    "index.html":
      '<a href="https://example.org/">A</a><a href="a/b%20c.html?x=1#there">B</a><a href="#up">C</a>' +
      '<p id="up"><script>const text = \'<img src="https://cdn.example/a.png">\';</script>' +
      '<!-- <img src="https://cdn.example/b.png"> -->',
    "a/b c.html":
      '<h2 id="there">There</h2><a href="../index.html">D</a><a href="..&#x2F;index.html#no">E</a>' +
      '<a href="gone.html">F</a><img alt="" src="gone.png">',
  });
  assert.deepEqual(siteProblems(files), [
    "a/b c.html: not there: gone.png",
    "a/b c.html: no such anchor: ../index.html#no",
    "a/b c.html: leads nowhere: gone.html",
  ]);
});

Deno.test("Markdown: links lead to what is on the site, headings can be linked to, markup in code is text", () => {
  const html = renderMarkdown(
    "## A `b`, c!\n\n[D](../lib/README.md#x) [E](https://e.example) [F](#f) ![G](g.svg)\n\n```html\n<b>\n```",
    {
      source: "experiments/README.md",
      path: "experiments/index.html",
      target: (file) => `at/${file}`,
    },
  );
  const { attributes, texts } = readPage(html);
  assert.deepEqual(attributes("h2", "id"), ["a-b-c"]);
  assert.deepEqual(attributes("a", "href"), ["../at/lib/README.md#x", "https://e.example", "#f"]);
  assert.deepEqual(attributes("img", "src"), ["../at/experiments/g.svg"]);
  assert.deepEqual(texts("pre code"), ["<b>"]);
});

Deno.test("the folder is replaced as a whole; where that fails the old one stays", () => {
  const parent = Deno.makeTempDirSync();
  try {
    const path = `${parent}/the site`;
    const names = () => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
    replaceFolder(path, filesOf({ "old.html": "1", "a/b.html": "2" }));
    assert.deepEqual(names(), ["a", "old.html"]);
    // What a call that was killed has left.
    Deno.mkdirSync(`${parent}/.the site.tmp-new/x`, { recursive: true });
    replaceFolder(path, filesOf({ "new.html": "3" }));
    assert.deepEqual(names(), ["new.html"]);
    assert.throws(
      () => replaceFolder(path, filesOf({ "a": "4", "a/b.html": "5" })),
      /^UsageError: .*the site/,
    );
    assert.deepEqual(names(), ["new.html"]);
    assert.deepEqual([...Deno.readDirSync(parent)].map(({ name }) => name), ["the site"]);
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
});

Deno.test("the workflow for GitHub Pages runs the task and publishes its folder", () => {
  const page = Deno.readTextFileSync(`${ROOT}experiments/README.md`);
  const [, workflow] = /```yaml\n([^]*?)```/.exec(page)!;
  const [, version] = /npx -y deno@(\S+) task reproduce/.exec(
    Deno.readTextFileSync(`${ROOT}README.md`),
  )!;
  assert(workflow!.includes(`- run: npx -y deno@${version} task site\n`));
  assert.match(workflow!, new RegExp(`upload-pages-artifact@v\\d+\\n +with:\\n +path: ${SITE}\\n`));
});
