/** The source files of a folder. */

/**
 * The paths of the files below `folder` whose names end in `ending`, relative to it: each folder's content in the order
 * of its names' UTF-16 code units. Hidden files and folders are no sources, nor are links to nothing: editors and file
 * managers leave them (`.#a.ts`, `._a.ts`). Throws Deno's error where the folder cannot be read.
 */
export function sourceFiles(folder: string, ending: string): string[] {
  return visibleNames(folder).flatMap((name) => {
    const info = follow(`${folder}/${name}`);
    if (info?.isDirectory) {
      return sourceFiles(`${folder}/${name}`, ending).map((path) => `${name}/${path}`);
    }
    return info?.isFile && name.endsWith(ending) ? [name] : [];
  });
}

function visibleNames(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !name.startsWith(".")).sort();
}

/** What a path leads to; undefined for a link that leads to nothing or back to itself. */
function follow(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const { NotFound, FilesystemLoop } = Deno.errors;
    if (error instanceof NotFound || error instanceof FilesystemLoop) return undefined;
    throw error;
  }
}
