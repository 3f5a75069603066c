/** The hosts of those values that hold an address (`http://HOST:PORT/...`, also behind a prefix: `server:http://...`), as Deno's `--allow-net` takes them. */
export function netHosts(values: readonly string[]): string[] {
  const hosts = values.flatMap((value) => {
    const url = URL.parse(value.match(/https?:\/\/.*/i)?.[0] ?? "");
    if (!url) return [];
    return `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
  });
  return [...new Set(hosts)];
}
