import assert from "node:assert/strict";
import { HABITS, serve } from "../llm/wire/testing.ts";
import { ROOT } from "../root.ts";
import { TASKS } from "./tasks.ts";

/** Runs the task's process with the permissions that the launcher gives it. */
async function run(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [step] = TASKS["probe-server"]!(argv, { deno: Deno.execPath(), temporary: "/tmp" });
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...step!.args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("the table says what was found and what the kit does about it", async () => {
  await using server = serve(HABITS["llama.cpp"]);
  const { code, stdout, stderr } = await run([server.url]);
  assert.deepEqual([code, stderr], [0, ""]);
  const rows = new Map(stdout.split("\n").map((line) => [line.split(/\s{2,}/)[0]!, line]));
  assert.match(rows.get("server")!, /llama\.cpp b1234-abcdef/);
  assert.match(rows.get("n")!, /honoured, 4 tried\s+asks for up to 4 completions at once/);
  assert.match(rows.get("of the prompt (echo)")!, /ignored/);
  assert.match(rows.get("forced answers")!, /grammar/);
  assert.match(rows.get("log-probabilities there")!, /unmasked\s+are the model's own/);
  assert.match(rows.get("requests at a time")!, /4 slots/);
});

Deno.test("for programs one line of JSON, the error's too", async () => {
  await using server = serve({ ...HABITS.vllm, endpoints: ["chat"] });
  const found = JSON.parse((await run([server.url, "--json"])).stdout);
  assert.deepEqual([found.ok, found.abilities.endpoint], [true, "chat"]);
  const { code, stdout } = await run([server.url, "--json", "--model", "other"]);
  assert.equal(code, 2);
  assert.deepEqual(JSON.parse(stdout), {
    ok: false,
    exitCode: 2,
    error: '--model: "other": the server has tiny',
  });
});

Deno.test("bad usage is a line and code 2", async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [[], /--server: .*give its address, such as http:\/\/127\.0\.0\.1:8000/],
    [["http://a", "http://b"], /one at a time/],
    [["localhost:8000"], /no address/],
    [["http://127.0.0.1:8000", "--api-key-variable", "GENAC_UNSET"], /GENAC_UNSET.*set it/],
  ];
  for (const [argv, message] of cases) {
    const { code, stderr } = await run(argv);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(stderr.trim().split("\n").length, 1, "no stack trace");
  }
});

Deno.test("text of the server's that would command the terminal is shown", async () => {
  const evil = "m\u001b[2J\u202e";
  await using server = serve(
    HABITS.vllm,
    (_, path) =>
      path === "/v1/models"
        ? Response.json({ data: [{ id: evil, owned_by: "vllm" }] })
        : path === "/version"
        ? Response.json({ version: evil })
        : undefined,
  );
  const { stdout } = await run([server.url]);
  assert.match(stdout, /m\\x1b\[2J\\u\{202e\}/);
  assert(!stdout.includes("\u001b") && !stdout.includes("\u202e"));
});

/** A proxy that knows one host and refuses tunnels; what it was asked for. */
function startProxy(host: string, url: string) {
  const asked: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = (async () => {
    for await (const connection of listener) {
      const bytes = new Uint8Array(1 << 16);
      let text = "";
      while (!isWhole(text)) {
        const length = await connection.read(bytes);
        if (length === null) break;
        text += new TextDecoder().decode(bytes.subarray(0, length));
      }
      const [head, body] = text.split("\r\n\r\n") as [string, string];
      const [method, target] = head.split(" ") as [string, string];
      asked.push(`${method} ${target}`);
      let answer = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
      if (target.startsWith(host)) {
        const response = await fetch(url + target.slice(host.length), {
          method,
          ...(body === "" ? {} : { body }),
        });
        const found = await response.text();
        const length = new TextEncoder().encode(found).length;
        answer =
          `HTTP/1.1 ${response.status} X\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n${found}`;
      }
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    }
  })();
  const { port } = listener.addr;
  return {
    asked,
    address: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await done;
    },
  };
}

function isWhole(text: string): boolean {
  const [head, body] = text.split("\r\n\r\n");
  if (body === undefined) return false;
  return body.length >= Number(head!.match(/content-length: (\d+)/i)?.[1] ?? 0);
}

Deno.test("a proxy is used where the environment names one, and not where it excepts the host", async () => {
  await using server = serve(HABITS.vllm);
  const host = "http://model.example";
  await using proxy = startProxy(host, server.url);
  const proxies = { HTTP_PROXY: proxy.address, HTTPS_PROXY: proxy.address };
  const { code, stdout, stderr } = await run([host, "--json"], { ...proxies, NO_PROXY: "" });
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).abilities.kind, "vllm");
  assert.equal(proxy.asked[0], `GET ${host}/v1/models`);

  proxy.asked.length = 0;
  const secure = await run(["https://model.example"], { ...proxies, NO_PROXY: "" });
  assert.equal(secure.code, 2);
  assert.match(
    secure.stderr,
    /^error: server: "https:\/\/model\.example": the proxy wants a name and password/,
  );
  assert.equal(proxy.asked[0], "CONNECT model.example:443");

  proxy.asked.length = 0;
  const direct = await run([server.url], { ...proxies, NO_PROXY: "127.0.0.1" });
  assert.deepEqual([direct.code, proxy.asked], [0, []], direct.stderr);
});
