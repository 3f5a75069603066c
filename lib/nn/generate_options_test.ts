/** What generation refuses: options out of range, and weights of which no token follows. */
import assert from "node:assert/strict";
import { WasmEngine } from "../backend/wasm/engine.ts";
import { UsageError } from "../errors.ts";
import type { Backend } from "../tensor/backend.ts";
import type { GenerateOptions } from "./generate_options.ts";
import { Model, type Prompt } from "./model.ts";
import { smallConfig } from "./testing.ts";

const engine = await WasmEngine.create();
const config = smallConfig();
const OPTIONS: GenerateOptions = {
  ...{ maxTokens: 6, temperature: 0.8, stop: [], seed: 5, purpose: "test" },
};
const prompts: Prompt[] = [[1], [2, 3, 4], [5, 6]].map((tokens, row) => ({
  ...{ tokens, row, position: (i) => i },
}));

Deno.test("options and rows out of range are refused by name, with the remedy", async () => {
  const model = new Model(engine, config).initialize(3);
  const bad: Record<string, readonly unknown[]> = {
    temperature: [NaN, -1, -0.5, Infinity, -Infinity, 1e-45, 9.9e-31, 1.1e30, 1e300],
    maxTokens: [NaN, -1, 1.5, Infinity],
    topK: [0, -1, NaN, 2.5, Infinity],
    topP: [0, -0.1, 1.1, NaN, Infinity],
    stop: [[NaN], [-1], [1.5], [2, config.vocabularySize], [Infinity]],
    seed: [NaN, -1, 0.5, 2 ** 32, Infinity],
  };
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      await assert.rejects(model.generate(prompts, { ...OPTIONS, [field]: value }), (error) => {
        assert.ok(error instanceof UsageError, `${field} ${value}: ${error}`);
        const shown = String(Array.isArray(value) ? value.at(-1) : value);
        assert.ok(error.message.startsWith(`${field}: ${shown}: `), error.message);
        return true;
      });
    }
  }
  for (const row of [NaN, -1, 0.5, 2 ** 32]) {
    await assert.rejects(
      model.generate([prompts[0]!, { ...prompts[1]!, row }], OPTIONS),
      new RegExp(`^UsageError: prompts\\[1\\]\\.row: ${row}: give an integer`),
    );
  }
});

Deno.test("tokens and positions that are no integers are refused", async () => {
  const model = new Model(engine, config).initialize(3);
  for (const x of [NaN, 1.5, Infinity]) {
    const generate = (change: Partial<Prompt>) =>
      model.generate([{ ...prompts[0]!, ...change }], OPTIONS);
    await assert.rejects(generate({ tokens: [1, x] }), new RegExp(`^RangeError: tokens: ${x}: `));
    await assert.rejects(
      generate({ position: (i) => i + x }),
      new RegExp(`^RangeError: positions: ${x}: `),
    );
  }
});

Deno.test("the ends of the ranges work", async () => {
  const model = new Model(engine, config).initialize(3);
  const generate = (change: Partial<GenerateOptions>) =>
    model.generate(prompts, { ...OPTIONS, ...change });
  const greedy = await generate({ temperature: 0 });
  // No noise is left.
  assert.deepEqual(await generate({ temperature: 1e-30 }), greedy);
  // Nothing but noise is.
  const headless = await changed(engine, "head", (data) => data.fill(0));
  assert.deepEqual(
    await generate({ temperature: 1e30 }),
    await headless.generate(prompts, OPTIONS),
  );
  assert.deepEqual(await generate({ maxTokens: 0 }), [[], [], []]);
  assert.equal((await generate({ seed: 2 ** 32 - 1 })).length, 3);
  const last = prompts.map((p) => ({ ...p, row: 2 ** 32 - 1 }));
  assert.notDeepEqual(await model.generate(last, OPTIONS), await generate({}));
});

/** A model with some weights changed. */
async function changed(
  on: Backend,
  name: string,
  change: (data: Float32Array) => void,
): Promise<Model> {
  const model = new Model(on, config).initialize(3), tensors = await model.tensors();
  change(tensors[name]!.data);
  model.setTensors(tensors);
  return model;
}

for (const threads of [1, 3]) {
  Deno.test(`weights that are not finite are an error that says so, ${threads} threads`, async () => {
    const own = await WasmEngine.create({ threads });
    try {
      for (const x of [NaN, Infinity, -Infinity]) {
        for (
          const [name, at] of [
            // Column 20 of the head: the logit of the last token alone.
            ...[["head", 20], ["norm", 3], ["layers.0.qkv", 5], ["layers.1.down", 0]] as const,
            ...[["embedding", 32], ["layers.0.norm1", 1], ["layers.1.up", 77]] as const,
          ]
        ) {
          const model = await changed(own, name, (data) => data[at] = x);
          for (
            const options of [OPTIONS, { ...OPTIONS, temperature: 0 }, { ...OPTIONS, topK: 3 }]
          ) {
            await assert.rejects(
              model.generate(prompts, options),
              (error: Error) =>
                !(error instanceof UsageError) &&
                /^prompt 0: the logits of token 0 of its response are not finite at temperature [\d.]+: weights are NaN/
                  .test(error.message),
              `${name} ${x}`,
            );
          }
        }
      }
    } finally {
      own.close();
    }
  });
}

Deno.test("what is not finite later is an error where it is part of a response, and only there", async () => {
  const greedy = { ...OPTIONS, temperature: 0 };
  const fine = new Model(engine, config).initialize(3);
  const responses = await fine.generate(prompts, greedy);
  const given = new Set(prompts.flatMap(({ tokens }) => tokens));
  // A token that one response alone has, in its middle.
  const [row, t] = responses.flatMap((response, row) =>
    response.map((token, t) => ({ row, t, token })).filter(({ t, token }) =>
      t > 0 && t < 5 && !given.has(token) && response.indexOf(token) === t &&
      responses.every((other, k) => k === row || !other.includes(token))
    ).map(({ row, t }): [number, number] => [row, t])
  )[0]!;
  const token = responses[row]![t]!;
  const model = await changed(
    engine,
    "embedding",
    (data) => data.fill(NaN, token * config.dModel, (token + 1) * config.dModel),
  );
  await assert.rejects(
    model.generate(prompts, greedy),
    new RegExp(`^Error: prompt ${row}: the logits of token ${t + 1} of its response`),
  );
  // Up to the token itself all is well, and beside it: a longer prompt keeps the row going beyond its end.
  const short = { ...greedy, maxTokens: t + 1 };
  const long = { ...prompts[(row + 1) % 3]!, tokens: new Array(20).fill(1) };
  const [expected] = await fine.generate([long], short);
  assert.deepEqual(
    await model.generate([prompts[row]!, long], short),
    [responses[row]!.slice(0, t + 1), expected],
  );
  assert.deepEqual(await model.generate([prompts[row]!], { ...greedy, stop: [token] }), [
    responses[row]!.slice(0, t + 1),
  ]);
});

Deno.test("once its weights are finite again a model generates as before", async () => {
  const fine = new Model(engine, config).initialize(3), tensors = await fine.tensors();
  const responses = await fine.generate(prompts, OPTIONS);
  const model = await changed(engine, "norm", (data) => data.fill(NaN));
  await assert.rejects(model.generate(prompts, OPTIONS), /not finite/);
  model.setTensors(tensors);
  assert.deepEqual(await model.generate(prompts, OPTIONS), responses);
});
