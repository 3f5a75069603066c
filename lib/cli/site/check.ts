/** Whether a site holds together: its links lead somewhere, and no page loads anything from elsewhere. */
import { posix } from "node:path";

/** Elements whose `href` is only followed when a reader asks for it. */
const LINKS = new Set(["a", "area"]);
/** Attributes by which elements load what they show. */
const LOADED = new Set(["src", "srcset", "poster", "data", "href", "xlink:href", "background"]);

/**
 * What is wrong with a site's pages and style sheets: what they load from elsewhere, by attribute or `url(...)`, and links
 * and files that are not there, anchors included. Scripts are not looked into.
 */
export function siteProblems(files: ReadonlyMap<string, Uint8Array>): string[] {
  const text = (path: string) => new TextDecoder().decode(files.get(path));
  const anchors = new Map<string, ReadonlySet<string>>();
  const anchorsOf = (path: string) => {
    const known = anchors.get(path) ?? new Set(
      tagsOf(text(path)).flatMap(({ attributes }) => [
        ...attributes.get("id") ?? [],
        ...attributes.get("name") ?? [],
      ]),
    );
    anchors.set(path, known);
    return known;
  };
  const problems: string[] = [];
  for (const path of files.keys()) {
    const say = (what: string, url: string) =>
      problems.push(`${path}: ${what}: ${url.slice(0, 100)}`);
    const { loads, links } = path.endsWith(".html")
      ? referencesOf(text(path))
      : { loads: path.endsWith(".css") ? stylesUrls(text(path)) : [], links: [] };
    for (const url of loads) {
      if (/^(data|blob|about):|^#|^$/i.test(url)) continue;
      if (isElsewhere(url)) say("loads from elsewhere", url);
      else if (!files.has(resolved(path, url).file)) say("not there", url);
    }
    for (const url of links) {
      if (isElsewhere(url)) continue;
      const { file, anchor } = resolved(path, url);
      if (!files.has(file)) say("leads nowhere", url);
      else if (anchor && file.endsWith(".html") && !anchorsOf(file).has(anchor)) {
        say("no such anchor", url);
      }
    }
  }
  return problems;
}

/** Addresses with a scheme, or with none but a host. */
function isElsewhere(url: string): boolean {
  return /^([a-z][a-z\d+.-]*:|\/\/)/i.test(url);
}

function resolved(from: string, url: string): { file: string; anchor: string } {
  const [way, anchor = ""] = url.split("#");
  const path = decodeURIComponent(way!.split("?")[0]!);
  return {
    file: path === "" ? from : posix.join(posix.dirname(from), path),
    anchor: decodeURIComponent(anchor),
  };
}

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string[]>;
}

/** A page's start tags, with the values of their attributes. */
function tagsOf(html: string): Tag[] {
  const markup = html.replaceAll(/<!--[^]*?-->/g, "")
    .replaceAll(/(<(script|style)\b[^>]*>)[^]*?<\/\2>/gi, "$1");
  return Array.from(
    markup.matchAll(
      /<([a-z][\w:-]*)((?:\s+[^\s=>]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*\/?>/gi,
    ),
    ([, name, inner]) => {
      const attributes = new Map<string, string[]>();
      for (
        const [, key, , double, single, bare] of inner!.matchAll(
          /([^\s=>]+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g,
        )
      ) attributes.set(key!.toLowerCase(), [unescape(double ?? single ?? bare ?? "")]);
      return { name: name!.toLowerCase(), attributes };
    },
  );
}

function referencesOf(html: string): { loads: string[]; links: string[] } {
  const loads: string[] = [], links: string[] = [];
  for (const { name, attributes } of tagsOf(html)) {
    for (const [key, [value]] of attributes) {
      if (key === "style") loads.push(...stylesUrls(value!));
      else if (!LOADED.has(key)) continue;
      else if (LINKS.has(name)) links.push(value!);
      else if (key === "srcset") loads.push(...candidates(value!));
      else loads.push(value!);
    }
  }
  const sheets = Array.from(html.matchAll(/<style\b[^>]*>([^]*?)<\/style>/gi), ([, css]) => css!);
  return { loads: [...loads, ...sheets.flatMap(stylesUrls)], links };
}

/** The addresses in a `srcset`: each up to white space, then what follows up to a comma. */
function candidates(srcset: string): string[] {
  return Array.from(srcset.matchAll(/([^\s,]\S*)([^,]*),?/g), ([, url]) => url!.replace(/,$/, ""));
}

/** What a style sheet loads. */
function stylesUrls(css: string): string[] {
  const code = css.replaceAll(/\/\*[^]*?\*\//g, "");
  return [
    ...Array.from(
      code.matchAll(/url\(\s*(?:"([^"]*)"|'([^']*)'|([^)]*))\s*\)/gi),
      ([, double, single, bare]) => (double ?? single ?? bare!).trim(),
    ),
    ...Array.from(code.matchAll(/@import\s+["']([^"']+)["']/gi), ([, url]) => url!),
  ];
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function unescape(text: string): string {
  return text.replaceAll(
    /&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex, decimal, name) =>
      hex
        ? String.fromCodePoint(parseInt(hex, 16))
        : decimal
        ? String.fromCodePoint(Number(decimal))
        : ENTITIES[name] ?? whole,
  );
}
