import assert from "node:assert/strict";
import { dirname } from "node:path";
import * as genac from "../mod.ts";
import { ROOT } from "../root.ts";
import { skip } from "../testing.ts";
import { packLibrary } from "./pack_library.ts";

/** A program that trains for three steps on two lanes and prints the digest of the parameters. */
const program = (library: string) => `
import * as genac from "${library}";
const environment = genac.createEnvironment("permutation");
const engine = await genac.WasmEngine.create({ threads: 2 });
const size = { dModel: 16, layers: 1 };
const critic = new genac.NeuralCritic(engine, genac.criticDefinition("cot"), environment, size, 1);
const data = { seed: 1, purpose: "packed", batchSize: 16, actor: { epsilon: 0.3 } };
for (let i = 0; i < 3; i++) await genac.supervisedStep(critic, data, genac.adamW(6e-3, 3));
console.log(await critic.model.digest());
engine.close();
`;

/** What it prints. */
async function expectedDigest(): Promise<string> {
  const environment = genac.createEnvironment("permutation");
  const engine = await genac.WasmEngine.create();
  const size = { dModel: 16, layers: 1 };
  const critic = new genac.NeuralCritic(
    engine,
    genac.criticDefinition("cot"),
    environment,
    size,
    1,
  );
  const data = { seed: 1, purpose: "packed", batchSize: 16, actor: { epsilon: 0.3 } };
  for (let i = 0; i < 3; i++) await genac.supervisedStep(critic, data, genac.adamW(6e-3, 3));
  engine.close();
  return await critic.model.digest();
}

async function deno(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout).trim(), stderr: text(stderr) };
}

/** The line in which Deno says that something cannot be fetched; undefined if it says nothing of that. */
function notFetched(stderr: string): string | undefined {
  const isNetwork = /error sending request|dns error|client error|registry|network is unreachable/i;
  return stderr.split("\n").find((line) => isNetwork.test(line))?.trim();
}

Deno.test("the packed library is imported from an address, with an empty cache, lanes included", async (t) => {
  const files = packLibrary();
  for (const [path, text] of files) {
    assert.doesNotMatch(text, /^(?:import|export) [^;]*? from "(?!\.|npm:|jsr:|node:)/m, path);
  }
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const text = files.get(new URL(url).pathname.slice(1));
    return new Response(text ?? "", {
      status: text === undefined ? 404 : 200,
      // What GitHub Pages takes a .ts file for.
      headers: { "content-type": "video/mp2t" },
    });
  });
  const folder = await Deno.makeTempDir();
  try {
    const host = `127.0.0.1:${server.addr.port}`;
    Deno.writeTextFileSync(`${folder}/first.ts`, program(`http://${host}/lib/mod.ts`));
    const { code, stdout, stderr } = await deno(
      ["run", "--quiet", "--no-lock", `--allow-import=${host}`, "--allow-env", "first.ts"],
      folder,
      { DENO_DIR: `${folder}/cache` },
    );
    const reason = code === 0 ? undefined : notFetched(stderr);
    if (reason) return await skip(t, `packages cannot be fetched: ${reason}`);
    assert.equal(stdout, await expectedDigest(), stderr);
  } finally {
    await server.shutdown();
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("deno compile makes a program of it that needs no other file", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, text] of packLibrary()) {
      Deno.mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
      Deno.writeTextFileSync(`${folder}/${path}`, text);
    }
    Deno.writeTextFileSync(`${folder}/first.ts`, program("./lib/mod.ts"));
    const lanes = "lib/backend/wasm/lane_worker.ts";
    const compiled = await deno(
      ["compile", "--quiet", "--no-lock", "--no-check", "--allow-env", "--include", lanes]
        .concat("--output", "first", "first.ts"),
      folder,
    );
    const reason = compiled.code === 0 ? undefined : notFetched(compiled.stderr);
    if (reason) {
      return await skip(t, `Deno's runtime for compiled programs is not there: ${reason}`);
    }
    assert.equal(compiled.code, 0, compiled.stderr);
    for (const source of ["lib", "first.ts"]) {
      Deno.removeSync(`${folder}/${source}`, { recursive: true });
    }
    const { stdout, stderr } = await new Deno.Command(`${folder}/first`).output();
    const text = new TextDecoder();
    assert.equal(text.decode(stdout).trim(), await expectedDigest(), text.decode(stderr));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("JSR would take the package", async () => {
  // Types that follow from a schema are slow in JSR's sense, which it allows.
  const flags = ["--dry-run", "--allow-dirty", "--allow-slow-types", "--no-check"];
  const { code, stderr } = await deno(["publish", ...flags], ROOT);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Success Dry run complete/);
  const files = [...stderr.matchAll(/file:\/\/\/\S*/g)].map(([url]) => url);
  assert.ok(files.some((url) => url.endsWith("/lib/mod.ts")));
  assert.ok(!files.some((url) => /_test\.ts|\/notebooks\/|\/testdata\/|\.ipynb/.test(url)));
});
