/** File-system path of a URL relative to lib/backend/wasm. */
export function fromFileUrl(relative: string): string {
  const path = decodeURIComponent(new URL(relative, import.meta.url).pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}
