import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import {
  checkWritable,
  guarded,
  list,
  readBytes,
  remove,
  writeAtomically,
  writeFolderAtomically,
  writePiecesAtomically,
} from "./files.ts";
import { inFolder } from "./testdata/sandbox.ts";

const bytes = new TextEncoder().encode("new");

Deno.test(
  "a file is replaced whole and leaves nothing beside it",
  inFolder((folder) => {
    writeAtomically(`${folder}/a/b.json`, new TextEncoder().encode("older and longer"));
    writeAtomically(`${folder}/a/b.json`, bytes);
    assert.deepEqual(readBytes(`${folder}/a/b.json`, ""), bytes);
    assert.deepEqual(list(`${folder}/a`), ["b.json"]);
  }),
);

Deno.test(
  "a file that cannot be written keeps its old content",
  inFolder((folder) => {
    writeAtomically(`${folder}/a`, bytes);
    const { renameSync } = Deno;
    Object.assign(Deno, {
      renameSync() {
        throw Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
      },
    });
    try {
      assert.throws(() => writeAtomically(`${folder}/a`, Uint8Array.of(1)), UsageError);
    } finally {
      Object.assign(Deno, { renameSync });
    }
    assert.deepEqual(readBytes(`${folder}/a`, ""), bytes);
    assert.deepEqual(list(folder), ["a"]);
  }),
);

Deno.test("a file made of pieces is there whole, or as it was", async () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/new/a`;
  await writePiecesAtomically(path, async (append) => {
    append(bytes.subarray(0, 1));
    await Promise.resolve();
    assert.match(list(`${folder}/new`).join(), /^\.a\.[0-9a-f]{8}\.tmp$/);
    append(bytes.subarray(1));
  });
  assert.deepEqual(readBytes(path, ""), bytes);
  const broken = writePiecesAtomically(path, (append) => {
    append(Uint8Array.of(1));
    return Promise.reject(new RangeError("half"));
  });
  await assert.rejects(broken, RangeError);
  assert.deepEqual(readBytes(path, ""), bytes);
  assert.deepEqual(list(`${folder}/new`), ["a"]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test(
  "a folder appears whole, and stays as it is where it was there first",
  inFolder((folder) => {
    assert(writeFolderAtomically(`${folder}/cell`, { x: bytes, y: bytes }));
    assert(!writeFolderAtomically(`${folder}/cell`, { z: bytes }));
    assert.deepEqual(list(folder), ["cell"]);
    assert.deepEqual(list(`${folder}/cell`), ["x", "y"]);
    Deno.writeTextFileSync(`${folder}/file`, "");
    assert(!writeFolderAtomically(`${folder}/file`, { x: bytes }));
  }),
);

Deno.test(
  "whether a file can be written is found out without a trace",
  inFolder((folder) => {
    writeAtomically(`${folder}/pins/a.json`, bytes);
    checkWritable(`${folder}/pins/a.json`);
    checkWritable(`${folder}/pins/b.json`);
    checkWritable(`${folder}/none/a.json`);
    assert.deepEqual(list(folder), ["pins"]);
    assert.deepEqual(list(`${folder}/pins`), ["a.json"]);
    assert.throws(() => checkWritable(`${folder}/pins/a.json/b.json`), UsageError);
    const { makeTempFileSync } = Deno;
    Object.assign(Deno, {
      makeTempFileSync() {
        throw Object.assign(new Error("Read-only file system"), { code: "EROFS" });
      },
    });
    try {
      for (const name of ["pins", "none"]) {
        assert.throws(() => checkWritable(`${folder}/${name}/a.json`), /a\.json: .*is read-only/);
      }
    } finally {
      Object.assign(Deno, { makeTempFileSync });
    }
    assert.deepEqual(list(folder), ["pins"]);
  }),
);

Deno.test(
  "what is not there is a UsageError to read, nothing to list, and nothing to remove",
  inFolder((folder) => {
    assert.throws(() => readBytes(`${folder}/x`, "make it"), /x: "missing": make it/);
    assert.deepEqual(list(`${folder}/x`), []);
    remove(`${folder}/x`);
  }),
);

Deno.test(
  "a file in a folder's place is a UsageError",
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/runs`, "");
    assert.throws(() => writeAtomically(`${folder}/runs/a`, bytes), /where a folder is needed/);
  }),
);

for (
  const [code, remedy] of Object.entries({
    EACCES: /no permission/,
    EROFS: /read-only/,
    ENOSPC: /the disk is full/,
    EDQUOT: /your quota there is used up: .*finished work is kept/,
    ESTALE: /does not answer, or was taken away: .*finished work is kept/,
    EIO: /taken away/,
    ENODEV: /taken away/,
    ENOTCONN: /taken away/,
    EMFILE: /ulimit/,
  })
) {
  Deno.test(`${code} is a UsageError`, () => {
    const fail = () => {
      throw Object.assign(new Error("from the system"), { code });
    };
    assert.throws(() => guarded("runs/a", fail), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, remedy);
      return true;
    });
  });
}

Deno.test("what the task's permissions forbid is a UsageError", () => {
  const fail = () => {
    throw new Deno.errors.NotCapable("Requires write access");
  };
  assert.throws(() => guarded("/elsewhere", fail), /--allow-write lists in deno\.json/);
});

Deno.test("any other error stays what it is", () => {
  const error = new TypeError("a bug");
  assert.throws(() =>
    guarded("runs/a", () => {
      throw error;
    }), error);
});
