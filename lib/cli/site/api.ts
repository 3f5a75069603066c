import { posix } from "node:path";
import { UsageError } from "../../errors.ts";
import { ROOT } from "../../root.ts";
import { readBytes, remove } from "../../run/files.ts";
import { sourceFiles } from "../../source_files.ts";
import { API_STYLE } from "./api_style.ts";
import { withWayHome } from "./page.ts";

/** Where Deno writes the reference, relative to the checkout, before it is taken over. */
const WORK = ".cache/site-api";

/**
 * The API reference of `lib/mod.ts` as files by their paths on the site, all below `api/`, as `deno doc --html` writes it.
 *
 * @throws UsageError with Deno's last line where it fails.
 */
export async function apiReference(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const folder = `${WORK}-${crypto.randomUUID().slice(0, 8)}`;
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--html", "--name=GenAC Kit", `--output=${folder}`, "lib/mod.ts"],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdout: "null",
    }).output();
    if (!success) {
      const reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "";
      throw new UsageError("deno doc", reason, "mend lib/mod.ts: deno check lib/mod.ts");
    }
    return new Map(
      sourceFiles(`${ROOT}${folder}`, "").map((file) => {
        const bytes = readBytes(`${ROOT}${folder}/${file}`, "");
        // Links to names with spaces have them as %20; Deno names the files so, too, where nobody finds them.
        const path = posix.join("api", decodeURIComponent(file));
        return [path, file.endsWith(".html") ? fitted(path, bytes) : bytes];
      }),
    );
  } finally {
    remove(`${ROOT}${folder}`);
  }
}

/** A page of Deno's with the way home, links to pages in place of folders, which lead nowhere in files, and the faults mended. */
function fitted(path: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const html = new TextDecoder().decode(bytes)
    .replace("<html>", '<html lang="en">')
    .replace("</head>", `<style>${API_STYLE}</style></head>`)
    .replaceAll(
      /href="((?:\.{1,2}(?:&#x2F;|\/))*)"/g,
      'href="$1index.html"',
    )
    .replaceAll("from &quot;.&quot;", "from &quot;genac&quot;")
    .replaceAll('<button class="copyButton"', '<button class="copyButton" aria-label="Copy"')
    // What scrolls can be reached by keys.
    .replaceAll('<pre class="highlight"><code', '<pre class="highlight"><code tabindex="0"')
    // It has more in it than items.
    .replaceAll('<ul class="breadcrumbs">', '<ul class="breadcrumbs" role="presentation">');
  return new TextEncoder().encode(withWayHome(path, html));
}
