import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { dropDamagedCheckpoints, openCheckpoint } from "./checkpoint.ts";

function inFolder(test: (folder: string) => void) {
  const folder = Deno.makeTempDirSync();
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("the last checkpoint saved is loaded, and is alone", () =>
  inFolder((folder) => {
    const directory = `${folder}/cell.checkpoint`;
    assert.equal(openCheckpoint(directory).load(), undefined);
    for (const byte of [3, 1, 2]) openCheckpoint(directory).save(Uint8Array.of(byte));
    assert.deepEqual(openCheckpoint(directory).load(), Uint8Array.of(2));
    assert.equal([...Deno.readDirSync(directory)].length, 1);
  }));

Deno.test("what a crash leaves of the next checkpoint does not hide the last one", () =>
  inFolder((folder) => {
    const checkpoint = openCheckpoint(folder);
    checkpoint.save(Uint8Array.of(1));
    Deno.writeTextFileSync(`${folder}/000002-${"0".repeat(64)}.safetensors.tmp`, "half");
    assert.deepEqual(checkpoint.load(), Uint8Array.of(1));
  }));

Deno.test("a truncated or changed checkpoint is a UsageError that names the file", () =>
  inFolder((folder) => {
    const checkpoint = openCheckpoint(folder);
    checkpoint.save(Uint8Array.of(1, 2));
    const [{ name }] = [...Deno.readDirSync(folder)] as [Deno.DirEntry];
    for (const bytes of [[1], [1, 3], []]) {
      Deno.writeFileSync(`${folder}/${name}`, Uint8Array.from(bytes));
      assert.throws(() => checkpoint.load(), (error) => {
        assert(error instanceof UsageError);
        assert.match(error.message, /000001-.*\.safetensors: "damaged or truncated checkpoint"/);
        return true;
      });
    }
  }));

Deno.test("damaged checkpoints are dropped, and an older whole one counts", () =>
  inFolder((folder) => {
    const checkpoint = openCheckpoint(folder);
    assert.deepEqual(dropDamagedCheckpoints(`${folder}/none`), []);
    checkpoint.save(Uint8Array.of(1, 2));
    assert.deepEqual(dropDamagedCheckpoints(folder), []);
    Deno.writeFileSync(`${folder}/000002-${"0".repeat(64)}.safetensors`, Uint8Array.of(1));
    Deno.mkdirSync(`${folder}/000003-${"0".repeat(64)}.safetensors`);
    const found = dropDamagedCheckpoints(folder);
    assert.deepEqual(found.map(({ where }) => where.slice(folder.length, folder.length + 8)), [
      "/000002-",
      "/000003-",
    ]);
    assert.deepEqual(checkpoint.load(), Uint8Array.of(1, 2));
  }));
