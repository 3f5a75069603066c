import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { openVerifier, VERIFIERS } from "./registry.ts";
import { openSandbox } from "./sandbox.ts";
import type { Verifier } from "./verifier.ts";

const TASK = { prompt: "3+4?", groundTruth: "7" };

/** Opens the verifier of a file with this text, in a folder whose name is awkward, and closes it after use. */
async function withVerifier(
  text: string,
  use: (verifier: Verifier, folder: string) => Promise<void>,
  { name = "mine.js", more = {} }: { name?: string; more?: Record<string, string> } = {},
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "a folder #1% " });
  for (const [file, content] of Object.entries({ [name]: text, ...more })) {
    Deno.writeTextFileSync(`${folder}/${file}`, content);
  }
  try {
    const verifier = await openVerifier(`${folder}/${name}`);
    try {
      await use(verifier, folder);
    } finally {
      verifier.close();
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("a verifier's file grades by boolean, number or promise, with the truth and the prompt", async () => {
  const text = `
    import { helper } from "./helper.ts";
    export default async (response: string, { groundTruth, prompt }: { groundTruth: string; prompt: string }) => {
      if (response === "half") return 0.5;
      if (response === "prompt") return prompt === "3+4?";
      return helper(response) === groundTruth;
    };`;
  const helper = "export const helper = (text: string): string => text.trim();";
  await withVerifier(text, async (verifier, folder) => {
    const outcome = async (response: string) => (await verifier.verify(response, TASK)).outcome;
    assert.deepEqual(
      await Promise.all([" 7 ", "8", "half", "prompt"].map(outcome)),
      [1, 0, 0.5, 1],
      "asked at once, each gets its own answer",
    );
    assert.equal(verifier.name, `${folder}/mine.ts`);
    assert.match(verifier.digest, /^[0-9a-f]{64}$/);
  }, { name: "mine.ts", more: { "helper.ts": helper } });
});

Deno.test("a verifier's file may import what the kit has, and sees an empty environment", async () => {
  const text = `
    import * as z from "zod";
    export default () => z.boolean().parse(Object.keys(process.env).length === 0);`;
  await withVerifier(text, async (verifier) => {
    assert.deepEqual(await verifier.verify("", TASK), { outcome: 1 });
  });
});

Deno.test("a verifier's file can reach nothing", async () => {
  const text = `
    export default async (response) => {
      const attempts = {
        read: () => Deno.readTextFileSync(response),
        list: () => [...Deno.readDirSync(".")],
        write: () => Deno.writeTextFileSync(response + ".new", ""),
        run: () => new Deno.Command(Deno.execPath()).outputSync(),
        env: () => Deno.env.get("HOME"),
        net: () => fetch("http://127.0.0.1:65000"),
        import: () => import(response),
        sys: () => Deno.hostname(),
        ffi: () => Deno.dlopen(response, {}),
        worker: () => new Promise((resolve, reject) => {
          const source = "try { Deno.env.get('HOME'); postMessage('got it') } catch { postMessage('') }";
          const worker = new Worker("data:text/javascript," + encodeURIComponent(source), { type: "module" });
          worker.onmessage = ({ data }) => { worker.terminate(); data === "" ? reject(new Deno.errors.NotCapable()) : resolve(1) };
        }),
      };
      for (const [name, attempt] of Object.entries(attempts)) {
        try {
          await attempt();
          throw new Error(name + " went through");
        } catch (error) {
          if (!/NotCapable|Requires \\w+ access/.test(error.name + error)) throw error;
        }
      }
      return true;
    };`;
  await withVerifier(text, async (verifier, folder) => {
    assert.deepEqual(await verifier.verify(`${folder}/mine.js`, TASK), { outcome: 1 });
  });
});

Deno.test("a verifier that throws, hangs or dies gives 0, says why, and goes on", async () => {
  const text = `
    export default async (response) => {
      if (response === "throws") throw new Error("no \\x1b[31msense");
      if (response === "hangs") for (;;);
      if (response === "never") await new Promise(() => {});
      if (response === "dies") setTimeout(() => { throw new Error("later"); });
      if (response === "dies") await new Promise(() => {});
      if (response === "closes") { self.close(); await new Promise(() => {}); }
      return true;
    };`;
  const path = Deno.makeTempFileSync({ suffix: ".js" });
  Deno.writeTextFileSync(path, text);
  const url = pathToFileURL(path).href;
  const limits = { verdict: 500, load: 20_000 };
  const verifier = await openSandbox({ name: path, digest: "", url }, limits);
  try {
    for (
      const [response, why] of [
        ["throws", /^Error: no \\x1b\[31msense$/],
        ["hangs", /^took longer than 0.5 s$/],
        ["never", /^took longer/],
        ["dies", /later/],
        ["closes", /^took longer/],
      ] as const
    ) {
      const { outcome, failure } = await verifier.verify(response, TASK);
      assert.equal(outcome, 0, response);
      assert.match(failure!, why);
      assert.deepEqual(await verifier.verify("", TASK), { outcome: 1 }, `after ${response}`);
    }
  } finally {
    verifier.close();
    Deno.removeSync(path);
  }
});

Deno.test("what is no verifier, or returns no outcome, is refused by name", async () => {
  const refused = (text: string, message: RegExp) =>
    assert.rejects(withVerifier(text, () => Promise.resolve()), message);
  await refused(
    "export default (x => x;",
    /^UsageError: --verifier: .*mine\.js": .*Expected/,
  );
  await refused("export const verify = 1;", /its default export is undefined: give a TypeScript/);
  await refused("export default 7;", /its default export is number/);
  await refused('throw new Error("at once");', /at once/);
  for (
    const [returned, message] of [
      ["2", /it returned number 2: return a boolean or a number from 0 to 1/],
      ["NaN", /number NaN/],
      ["'1'", /string 1/],
      ["undefined", /undefined undefined/],
      ["null", /object null/],
    ] as const
  ) {
    await withVerifier(`export default () => ${returned};`, async (verifier) => {
      await assert.rejects(verifier.verify("7", TASK), message);
    });
  }
  await assert.rejects(
    openVerifier("numerik"),
    /"numerik": did you mean numeric\? choose from exact/,
  );
  await assert.rejects(
    openVerifier("/missing/mine.ts"),
    /"missing": give the path of a TypeScript/,
  );
});

Deno.test("the kit's verifiers grade by their names, and ask for the ground truth", async () => {
  for (const name of VERIFIERS) {
    const verifier = await openVerifier(name);
    try {
      const { outcome } = await verifier.verify("so \\boxed{7}", TASK);
      assert.equal(outcome, 1, name);
      assert.equal((await verifier.verify("so \\boxed{8}", TASK)).outcome, 0, name);
      for (const groundTruth of [undefined, " "]) {
        const task = { prompt: "3+4?\u202e", ...(groundTruth ? { groundTruth } : {}) };
        await assert.rejects(
          verifier.verify("7", task),
          /no ground truth \("3\+4\?\\u\{202e\}"\): name its field with --map groundTruth/,
        );
      }
      assert.ok(verifier.digest.startsWith(name));
    } finally {
      verifier.close();
    }
  }
  const numeric = await openVerifier("numeric");
  await assert.rejects(
    numeric.verify("7", { prompt: "", groundTruth: "seven" }),
    /no number in the ground truth "seven"/,
  );
});
