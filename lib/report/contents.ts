/**
 * What is made of a report's finished page: its table of contents, and stops for those who read it by keys.
 */

/** Where the page wants it; lib/report/notebook_driver.py puts it after the answer. */
const PLACE = "<!-- contents -->";

/** A heading, or preformatted text; scripts are passed over, which may write some. */
const PARTS = /<script\b.*?<\/script>|<pre>|<h2(?:\s[^>]*)?>(.*?)<\/h2>/gs;

/**
 * The page with its headings of the second level named and, where it wants them, listed: each a link to its section.
 * Links to other notebooks lead to their reports. As it is where it wants no contents.
 */
export function withContents(html: string): string {
  if (!html.includes(PLACE)) return html;
  const used = new Set<string>();
  const items: string[] = [];
  const named = html.replace(PARTS, (heading, content?: string) => {
    // It scrolls, which without a pointer needs a stop.
    if (heading === "<pre>") return '<pre tabindex="0">';
    if (content === undefined) return heading;
    const given = heading.match(/^<h2[^>]*\sid="([^"]+)"/)?.[1];
    const id = given ?? unusedName(content, used);
    used.add(id);
    items.push(`<li><a href="#${id}">${content.replace(/<\/?a\b[^>]*>/g, "")}</a></li>`);
    return given ? heading : heading.replace("<h2", `<h2 id="${id}"`);
  });
  const contents = `<nav class="genac-contents" aria-labelledby="contents">` +
    `<h2 id="contents">Contents</h2><ol>${items.join("")}</ol></nav>`;
  return named
    // Each cell would be a stop on the way through the page by keys.
    .replaceAll(
      '<div class="jp-Cell-inputWrapper" tabindex="0">',
      '<div class="jp-Cell-inputWrapper">',
    )
    .replaceAll(/(<a href="\d\d-[\w-]+)\.ipynb"/g, '$1.html"')
    .replace(PLACE, () => items.length > 1 ? contents : "");
}

/** "What was run?" -> "what-was-run", or with a number where that name is taken. */
function unusedName(content: string, used: ReadonlySet<string>): string {
  const text = content.replace(/<[^>]*>|&[#\w]+;/g, "");
  const name = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") ||
    "section";
  for (let n = 1;; n++) {
    const id = n === 1 ? name : `${name}-${n}`;
    if (!used.has(id) && id !== "contents") return id;
  }
}
