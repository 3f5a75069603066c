import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ROOT } from "./root.ts";

interface Documentation {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string }[];
}

interface Exported {
  readonly name: string;
  readonly declarations: readonly {
    readonly location: { readonly filename: string };
    readonly jsDoc?: Documentation;
  }[];
}

/** Runs Deno in the checkout and returns what it wrote to stdout; a failure shows all it wrote. */
async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `deno ${args[0]} failed:\n${out}\n${error}`);
  return out!;
}

/** The public symbols, where they are declared, and what is said of them. */
async function publicSymbols(): Promise<readonly Exported[]> {
  const { nodes } = JSON.parse(await deno("doc", "--json", "lib/mod.ts"));
  return (Object.values(nodes) as { symbols: Exported[] }[]).flatMap(({ symbols }) => symbols);
}

Deno.test("everything that lib/mod.ts exports is documented where it stands", async () => {
  const symbols = await publicSymbols();
  assert.ok(symbols.length > 100, `only ${symbols.length} exports found`);
  const bare = symbols.filter(({ declarations }) =>
    declarations.every(({ jsDoc }) => /^$|see the (file's )?head/i.test(jsDoc?.doc?.trim() ?? ""))
  );
  assert.deepEqual(bare.map(({ name }) => name), []);
});

Deno.test("the examples in the documentation of public symbols run", async () => {
  const shown = (await publicSymbols()).flatMap(({ name, declarations }) =>
    declarations.flatMap(({ jsDoc, location }) =>
      (jsDoc?.tags ?? []).flatMap(({ kind }) =>
        kind === "example" ? [{ name, path: fileURLToPath(location.filename) }] : []
      )
    )
  );
  assert.ok(shown.length >= 12, `only ${shown.length} examples found`);
  const paths = [...new Set([`${ROOT}lib/mod.ts`, ...shown.map(({ path }) => path)])];
  const report = await deno(
    "test",
    "--doc",
    "--no-prompt",
    "--allow-read",
    "--allow-env",
    // For the example that computes a run where it is missing.
    ...[
      "--allow-write=runs,.cache",
      "--allow-sys=cpus,hostname,systemMemoryInfo",
      "--allow-run=git",
    ],
    ...paths,
  );
  const passed = Number(/ok \| (\d+) passed/.exec(stripColors(report))?.[1]);
  assert.ok(passed >= shown.length + 1, `${shown.length} examples, but:\n${report}`);
});

function stripColors(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[\d+(;\d+)*m/g, "");
}
