import { basename, dirname } from "node:path";
import { exists, guarded, list, remove } from "../../run/files.ts";

/**
 * Puts a folder with these files, and no others, at `path`: it is the old or the new one, but for the moment between two
 * renames. What a call that was killed has left beside it is removed.
 *
 * @throws UsageError for what the user can mend, as a full disk; the old folder stays.
 */
export function replaceFolder(
  path: string,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): void {
  const beside = `.${basename(path)}.tmp-`, parent = dirname(path);
  list(parent).filter((name) => name.startsWith(beside)).forEach((name) =>
    remove(`${parent}/${name}`)
  );
  const made = `${parent}/${beside}new`, old = `${parent}/${beside}old`;
  guarded(path, () => {
    try {
      for (const [name, bytes] of files) {
        Deno.mkdirSync(dirname(`${made}/${name}`), { recursive: true });
        Deno.writeFileSync(`${made}/${name}`, bytes);
      }
      if (exists(path)) Deno.renameSync(path, old);
      Deno.renameSync(made, path);
    } finally {
      remove(made);
      remove(old);
    }
  });
}
