/** For tests of pages: what a reader would find in them. */
import { parseHTML } from "linkedom";

interface Element {
  readonly textContent: string;
  getAttribute(name: string): string | null;
}

/** A page read by a parser that had no part in writing it. */
export function readPage(html: string) {
  const { document } = parseHTML(html) as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Element> };
  };
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  return {
    html,
    /** The elements' texts, white space as a browser shows it. */
    texts: (selector: string): string[] =>
      all(selector).map(({ textContent }) => textContent.replaceAll(/\s+/g, " ").trim()),
    /** The elements' attribute; null where one has none. */
    attributes: (selector: string, name: string): (string | null)[] =>
      all(selector).map((element) => element.getAttribute(name)),
  };
}
