import { posix } from "node:path";
import { Marked } from "marked";
import { escapeHtml } from "../../report/mime.ts";
import { relativeTo } from "./page.ts";

/** Where a page of Markdown is and goes. */
export interface MarkdownPlace {
  /** The page, relative to the checkout: its links start there. */
  readonly source: string;
  /** Where its HTML goes, relative to the site. */
  readonly path: string;
  /** Where a file of the checkout is on the site; throws for one that is not. */
  readonly target: (file: string) => string;
}

/**
 * The kit's own Markdown as HTML: headings have the names that GitHub gives them, relative links and images lead to what
 * is on the site, wide tables and code scroll and can be reached by keyboard.
 */
export function renderMarkdown(markdown: string, { source, path, target }: MarkdownPlace): string {
  const resolve = (href: string): string => {
    if (/^([a-z]+:|#)/i.test(href)) return href;
    const [file, anchor] = href.split("#");
    const to = relativeTo(path, target(posix.join(posix.dirname(source), file!)));
    return anchor === undefined ? to : `${to}#${anchor}`;
  };
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        return `<h${depth} id="${anchorOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      code: ({ text }) => `<pre tabindex="0"><code>${escapeHtml(text)}\n</code></pre>\n`,
    },
    hooks: {
      postprocess: (html) =>
        html.replaceAll("<table>", '<div class="scroll" tabindex="0" role="group"><table>')
          .replaceAll("</table>", "</table></div>"),
    },
    walkTokens(token) {
      if (token.type === "link" || token.type === "image") token.href = resolve(token.href);
    },
  });
  return marked.parse(markdown, { async: false });
}

/** A heading's name in links, as GitHub's: lower case, hyphens for spaces, no punctuation. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}
