/** What the pages of the site share: their frame and their looks. Nothing on a page comes from elsewhere. */
import { escapeHtml } from "../../report/mime.ts";
import { FONT_FAMILY, INK } from "../../report/theme.ts";

/** One page. */
export interface SitePage {
  /** Where it goes, relative to the site's folder: "experiments/index.html". */
  readonly path: string;
  readonly title: string;
  /** HTML of what the page says, without <main>. */
  readonly body: string;
}

/** The pages that every page leads to. */
const MENU = [
  { path: "reports/index.html", text: "Reports" },
  { path: "experiments/index.html", text: "Experiments" },
  { path: "lib/index.html", text: "Add to it" },
  { path: "api/index.html", text: "API" },
] as const;

/** The way from one page of the site to another, which holds under any address and in a folder, too. */
export function relativeTo(from: string, to: string): string {
  const here = from.split("/").slice(0, -1), there = to.split("/");
  while (here.length > 0 && there.length > 1 && here[0] === there[0]) {
    here.shift();
    there.shift();
  }
  return [...here.map(() => ".."), ...there].join("/");
}

/** The whole page as HTML. */
export function sitePage({ path, title, body }: SitePage): string {
  const link = (to: string, text: string) =>
    `<a href="${relativeTo(path, to)}"${to === path ? ' aria-current="page"' : ""}>${text}</a>`;
  const isFront = path === "index.html";
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${
    escapeHtml(`${title}: value models for LLM reinforcement learning`)
  }">
<title>${escapeHtml(isFront ? title : `${title} – GenAC Kit`)}</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<nav aria-label="Pages">${link("index.html", "<strong>GenAC Kit</strong>")}
<ul>${MENU.map(({ path, text }) => `<li>${link(path, text)}</li>`).join("")}</ul></nav>
</header>
<main id="main">
${body}
</main>
<footer><p>GenAC Kit, MIT licence. Every number here is pinned: <code>deno task reproduce</code> computes it again, to the
last bit.</p></footer>
</body>
</html>
`;
}

/** A page that something else has made, with the way to the site's front page at its top. */
export function withWayHome(path: string, html: string): string {
  const home = relativeTo(path, "index.html");
  return html.replace(
    /<body\b[^>]*>/,
    (body) =>
      `${body}\n<nav aria-label="Site" style="${HOME_STYLE}"><a href="${home}" style="color:inherit">` +
      `← GenAC Kit</a></nav>`,
  );
}

const HOME_STYLE = `font:14px/1.5 ${FONT_FAMILY.replaceAll("'", "")};padding:8px 12px`;

/** Two bars, one of them higher. */
const ICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="2" y="8" width="5" height="7" fill="#0072b2"/>' +
    '<rect x="9" y="2" width="5" height="13" fill="#d55e00"/></svg>',
);

const STYLE = `
:root {
  color-scheme: light dark;
  --background: ${INK.background}; --text: ${INK.text}; --muted: ${INK.muted}; --rule: #d1d9e0;
  --link: #0969da; --ground: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #0d1117; --text: #e6edf3; --muted: #9198a1; --rule: #30363d;
    --link: #58a6ff; --ground: #161b22;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--background); color: var(--text); font: 1rem/1.6 ${FONT_FAMILY}; }
header, main, footer { max-width: 64rem; margin: 0 auto; padding: 0 1.25rem; }
header { border-bottom: 1px solid var(--rule); }
nav { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1.5rem; min-height: 3.25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: 0; padding: 0; list-style: none; }
nav a { color: inherit; display: inline-block; padding: 0.6rem 0; }
nav ul a { color: var(--muted); }
nav a[aria-current] { color: var(--text); text-decoration: underline; text-underline-offset: 0.35em; }
main { padding-top: 1.5rem; padding-bottom: 2rem; }
footer { color: var(--muted); font-size: 0.85rem; border-top: 1px solid var(--rule); padding-bottom: 2rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem 1rem; background: var(--background); border: 2px solid var(--link); }
a { color: var(--link); text-underline-offset: 0.15em; }
nav a, .cards h3 a { text-decoration: none; }
nav a:hover, .cards h3 a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
h1 { font-size: clamp(1.6rem, 1.2rem + 1.8vw, 2.3rem); line-height: 1.2; margin: 0.5rem 0 1rem; text-wrap: balance; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 2.5rem 0 0.75rem; }
h3 { font-size: 1.1rem; line-height: 1.35; margin: 1.75rem 0 0.5rem; }
main > p, main > ul, main > ol, main > blockquote { max-width: 48rem; }
p, ul, ol { margin: 0.75rem 0; }
li { margin: 0.25rem 0; }
.lead { font-size: 1.1rem; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; }
.actions a { padding: 0.4rem 0.9rem; border: 1px solid var(--link); border-radius: 6px; text-decoration: none; font-weight: 500; }
.actions a:hover { text-decoration: underline; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.86em; }
/* Broken at a hyphen only where it is longer than a line. */
:not(pre) > code { display: inline-block; max-width: 100%; overflow-wrap: break-word; }
pre { background: var(--ground); border: 1px solid var(--rule); border-radius: 6px; padding: 0.75rem 1rem; overflow-x: auto; line-height: 1.5; }
pre code { font-size: 1em; }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; line-height: 1.45; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--muted); }
th, td { padding: 0.4rem 1rem 0.4rem 0; vertical-align: top; min-width: 5rem; }
td:nth-child(2) { min-width: 13rem; }
td:nth-child(n+4) { min-width: 15rem; }
tbody tr { border-top: 1px solid var(--rule); }
details { margin: 0.75rem 0; }
summary { cursor: pointer; color: var(--muted); padding: 0.25rem 0; }
img, svg { max-width: 100%; height: auto; }
.figure { margin: 1.5rem 0; padding: 0.5rem; background: ${INK.background}; border: 1px solid var(--rule); border-radius: 8px; overflow-x: auto; }
.figure svg, .figure img { display: block; margin: 0 auto; min-width: 34rem; }
.cards { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); padding: 0; list-style: none; max-width: none; }
.cards li { margin: 0; border: 1px solid var(--rule); border-radius: 8px; padding: 1rem 1.1rem; display: flex; flex-direction: column; }
.cards h3 { margin: 0; }
.cards p { margin: 0.5rem 0 0; }
.cards .links { margin-top: auto; padding-top: 0.6rem; font-size: 0.9rem; }
.cards .links a { margin-right: 1rem; }
.effect { font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
.badges { font-size: 0.85rem; color: var(--muted); }
.badge { display: inline-block; padding: 0 0.55em; margin: 0.15rem 0.3rem 0.15rem 0; border-radius: 1em; white-space: nowrap; color: var(--text); border: 1px solid var(--color); background: color-mix(in srgb, var(--color) 12%, transparent); }
.badge b { color: var(--color); }
.note { color: var(--muted); font-size: 0.9rem; }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media print { header, .skip { display: none; } main { max-width: none; } .cards li { break-inside: avoid; } }
`;
