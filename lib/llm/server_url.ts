import { UsageError } from "../errors.ts";

/**
 * The address of an OpenAI-compatible server without its paths: "http://127.0.0.1:8000" for that, for ".../v1" and for
 * ".../v1/chat/completions"; a prefix such as "/api" stays.
 *
 * @throws UsageError for what is no such address, and for one that holds a name and password or a query, where keys hide.
 */
export function serverRoot(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError("server", url, "no address: write it like http://127.0.0.1:8000");
  }
  if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "") {
    const shown = `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
    throw new UsageError(
      "server",
      shown,
      "leave out name, password and query, and put the key into an environment variable " +
        "(--api-key-variable)",
    );
  }
  const path = parsed.pathname.replace(/\/+$/, "")
    .replace(/\/v1(\/(chat\/)?completions|\/models)?$/, "");
  return parsed.origin + path;
}
