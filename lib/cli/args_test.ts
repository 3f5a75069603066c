import assert from "node:assert/strict";
import { type ParsedArgs, parseWithNode } from "./args.ts";

const FLAGS = { boolean: ["json", "notebooks", "help"], string: ["out", "seeds"] };
const NOTHING = { json: [], notebooks: [], help: [], out: [], seeds: [] };

const CASES: [string, Partial<ParsedArgs>][] = [
  ["", {}],
  ["--json --out a --seeds=1,2", {
    values: { ...NOTHING, json: [true], out: ["a"], seeds: ["1,2"] },
  }],
  ["--out a --out=b", { values: { ...NOTHING, out: ["a", "b"] } }],
  ["--no-notebooks", { values: { ...NOTHING, notebooks: [false] } }],
  ["--json --no-json", { values: { ...NOTHING, json: [false] } }],
  ["--no-json --json", { values: { ...NOTHING, json: [true] } }],
  ["--json=false --help=true", { values: { ...NOTHING, json: [false], help: [true] } }],
  ["--out", { values: { ...NOTHING, out: [""] } }],
  ["--frsh --bad=3 -x", { unknown: ["--frsh", "--bad", "-x"] }],
  ["--no-out", { unknown: ["--no-out"] }],
  ["quick --json 7", { values: { ...NOTHING, json: [true] }, positional: ["quick", "7"] }],
];

for (const [line, expected] of CASES) {
  Deno.test(`node:util parses "${line}"`, () => {
    const argv = line === "" ? [] : line.split(" ");
    const nothing = { values: NOTHING, unknown: [], positional: [] };
    assert.deepEqual(parseWithNode(argv, FLAGS), { ...nothing, ...expected });
  });
}

Deno.test("a flag is not taken for the value of the one before it", () => {
  assert.deepEqual(parseWithNode(["--out", "--json"], FLAGS).values["out"], [""]);
});

/** How a registry answers a request for a path; undefined = not at all. */
type Answer = (path: string) => string | undefined;

/** Starts the parser `times` times, one after the other, with a registry of our own. */
async function parseWithRegistry(answer: Answer, argv: string[], times = 1) {
  const folder = await Deno.makeTempDir();
  const requests: string[] = [];
  const ended = new AbortController();
  const { signal } = ended;
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, signal };
  const server = Deno.serve(options, async (request) => {
    const { pathname } = new URL(request.url);
    requests.push(pathname);
    const body = answer(pathname);
    if (body === undefined) await new Promise((done) => signal.addEventListener("abort", done));
    return new Response(body ?? "", {
      status: body ? 200 : 503,
      headers: { "content-type": "application/typescript" },
    });
  });
  const host = `127.0.0.1:${server.addr.port}`;
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    JSON.stringify({ imports: { "@std/cli": "jsr:@std/cli@^1" } }),
  );
  await Deno.writeTextFile(
    `${folder}/main.ts`,
    `import { parseArgs } from ${JSON.stringify(new URL("./args.ts", import.meta.url).href)};
     console.log(JSON.stringify(await parseArgs(Deno.args, ${JSON.stringify(FLAGS)})));
     Deno.exit();`,
  );
  const outputs: ParsedArgs[] = [];
  try {
    for (let time = 0; time < times; time++) {
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-lock", "--no-prompt", `--allow-import=${host}`],
          ...[`--allow-read=${folder}`, `--allow-write=${folder}/.cache`],
          ...["--config=deno.json", "main.ts", ...argv],
        ],
        cwd: folder,
        env: { JSR_URL: `http://${host}/`, DENO_DIR: `${folder}/deno` },
        stdin: "null",
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert(text !== "", new TextDecoder().decode(stderr));
      outputs.push(JSON.parse(text));
    }
  } finally {
    ended.abort();
    await server.finished;
    await Deno.remove(folder, { recursive: true });
  }
  return { outputs, requests };
}

// As little of a package as a registry must serve; the parser answers for any command line.
const PARSER = `export function parseArgs(argv: string[], options: {
  unknown(argument: string, key?: string): boolean;
}) {
  options.unknown("--frsh=1", "frsh");
  return { _: ["first", 7], json: [true], notebooks: false, out: argv, help: [], seeds: [] };
}
`;

async function servePackage(): Promise<Answer> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(PARSER));
  const checksum = `sha256-${new Uint8Array(digest).toHex()}`;
  const files: Record<string, string> = {
    "/@std/cli/meta.json": JSON.stringify({
      scope: "std",
      name: "cli",
      latest: "1.0.30",
      versions: { "1.0.30": {} },
    }),
    "/@std/cli/1.0.30_meta.json": JSON.stringify({
      manifest: { "/parse_args.ts": { size: PARSER.length, checksum } },
      exports: { "./parse-args": "./parse_args.ts" },
    }),
    "/@std/cli/1.0.30/parse_args.ts": PARSER,
  };
  return (path) => files[path] ?? "";
}

Deno.test("@std/cli parses where the registry can be reached", async () => {
  const { outputs, requests } = await parseWithRegistry(await servePackage(), ["--out", "a"]);
  assert(requests.includes("/@std/cli/1.0.30/parse_args.ts"));
  assert.deepEqual(outputs, [{
    values: { ...NOTHING, json: [true], notebooks: [false], out: ["--out", "a"] },
    unknown: ["--frsh"],
    positional: ["first", "7"],
  }]);
});

Deno.test("node:util parses where it cannot, and the next start does not ask again", async () => {
  const { outputs, requests } = await parseWithRegistry(() => "", ["--out", "a"], 2);
  const expected = { values: { ...NOTHING, out: ["a"] }, unknown: [], positional: [] };
  assert.deepEqual(outputs, [expected, expected]);
  assert.deepEqual(new Set(requests), new Set(["/@std/cli/meta.json"]));
  const once = await parseWithRegistry(() => "", [], 1);
  assert.equal(requests.length, once.requests.length);
});

Deno.test("a registry that does not answer costs a few seconds, once", async () => {
  const began = performance.now();
  const { outputs } = await parseWithRegistry(() => undefined, ["--json"], 2);
  assert.deepEqual(outputs.map(({ values }) => values["json"]), [[true], [true]]);
  assert(performance.now() - began < 6000);
});
