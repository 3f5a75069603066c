/** A copy of this checkout in a folder of its own, as a zip would give it: sources without .git, packages linked. */
import { ROOT } from "../../root.ts";

/** What a zip of the sources does not have. */
const LEFT_OUT = new Set([".git", "node_modules", ".venv", ".cache", "runs", "reports"]);

export interface Checkout {
  readonly folder: string;
  [Symbol.dispose](): void;
}

/** @param name The folder's name, below one for temporary files. */
export function copyCheckout(name: string): Checkout {
  const outer = Deno.makeTempDirSync({ prefix: "genac-checkout-" });
  const folder = `${outer}/${name}`;
  copy(ROOT.replace(/\/$/, ""), folder);
  link(`${ROOT}node_modules`, `${folder}/node_modules`);
  return { folder, [Symbol.dispose]: () => Deno.removeSync(outer, { recursive: true }) };
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    if (`${from}/` === ROOT && LEFT_OUT.has(name)) continue;
    if (isDirectory) copy(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

/** A link at `path` to `target`, which need not exist. By `ln`: Deno itself wants the right to write everywhere. */
export function link(target: string, path: string): void {
  const { success, stderr } = new Deno.Command("ln", { args: ["-s", target, path] }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
