import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { readSafetensorsFolder } from "./safetensors_folder.ts";

/** See testdata/make_sharded.py. */
const CASES: Record<string, {
  /** Hexadecimal, by name. */
  files: Record<string, string>;
  tensors: Record<string, { shape: number[]; values: number[] }>;
}> = JSON.parse(Deno.readTextFileSync(new URL("testdata/sharded.json", import.meta.url)));

const INDEX = "model.safetensors.index.json";

/** A folder with these files while `body` runs. */
function withFolder(
  files: Readonly<Record<string, Uint8Array | string>>,
  body: (folder: string) => void,
) {
  const folder = Deno.makeTempDirSync({ prefix: "genac model " });
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      Deno.writeFileSync(`${folder}/${name}`, bytes);
    }
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const bytesOf = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, hex]) => [name, Uint8Array.fromHex(hex)]));

for (const [name, { files, tensors }] of Object.entries(CASES)) {
  Deno.test(`what transformers saved is read: ${name}`, () =>
    withFolder(bytesOf(files), (folder) => {
      const found = readSafetensorsFolder(folder);
      assert.equal(
        Object.keys(files).length,
        name.includes("shards") ? 1 + shards(files).length : 1,
      );
      assert.deepEqual([...found.tensors.keys()].sort(), Object.keys(tensors).sort());
      for (const [key, { dtype, shape, data }] of found.tensors) {
        assert.ok(name.startsWith(dtype));
        assert.deepEqual(shape, tensors[key]!.shape);
        assert.deepEqual(Array.from(data as Float32Array), tensors[key]!.values);
      }
      assert.deepEqual(found.metadata, { format: "pt" });
    }));
}

/** Names of a case's shards. */
function shards(files: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(files).filter((name) => /-of-/.test(name)).sort();
}

Deno.test("a folder that is no whole model is refused by the file's name", () => {
  const whole: Record<string, Uint8Array | string> = bytesOf(CASES["F32 in shards"]!.files);
  const [first, second] = shards(whole) as [string, string];
  const index = JSON.parse(new TextDecoder().decode(whole[INDEX] as Uint8Array));
  const changed = (change: object) => ({
    ...whole,
    [INDEX]: JSON.stringify({ ...index, ...change }),
  });
  const map = (change: object) => changed({ weight_map: { ...index.weight_map, ...change } });
  const { [second]: _, ...incomplete } = whole;
  const cut = (whole[first] as Uint8Array).slice(0, -1);
  const bad: [Record<string, Uint8Array | string>, RegExp][] = [
    [{}, /index\.json: "missing": give a folder with model\.safetensors/],
    [incomplete, /00002-of-\d+\.safetensors: "missing": model\.safetensors\.index\.json names it/],
    [{ ...whole, [first]: cut }, /00001-of-\d+\.safetensors: .*not a whole safetensors file/],
    [{ ...whole, [INDEX]: '{"weight_map":' }, /index\.json: .*JSON/],
    [{ ...whole, [INDEX]: "[]" }, /index\.json/],
    [changed({ weight_map: undefined }), /index\.json\.weight_map/],
    [map({ "lm_head.weight": 3 }), /weight_map\.lm_head\.weight: 3/],
    [map({ "lm_head.weight": "../model.safetensors" }), /weight_map\.lm_head\.weight/],
    [map({ "not.there": first }), /00001-of-\d+\.safetensors: "not\.there": the index says/],
  ];
  for (const [files, message] of bad) {
    withFolder(files, (folder) =>
      assert.throws(() => readSafetensorsFolder(folder), (error) => {
        assert.ok(error instanceof UsageError, `${error}`);
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(folder));
        return true;
      }));
  }
});
