import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { DamagedError, readSealed, writeSealed } from "./sealed.ts";

const content = { mean: 0.125, names: ["a", "b"] };

/** Reads a sealed file whose text went through `change`. */
function reread(change: (text: string) => string): unknown {
  const path = Deno.makeTempFileSync();
  try {
    writeSealed(path, content);
    Deno.writeTextFileSync(path, change(Deno.readTextFileSync(path)));
    return readSealed(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("sealed content comes back", () => {
  assert.deepEqual(reread((text) => text), { format: 1, ...content });
});

Deno.test("a changed byte, in a value, a name or the structure, is damage", () => {
  for (
    const [from, to] of [["0.125", "0.126"], ['"mean"', '"meam"'], ['"a",', '"a".'], ["{", "z"]]
  ) {
    assert.throws(() => reread((text) => text.replace(from!, to!)), DamagedError);
  }
});

Deno.test("a truncated file is damage, at whatever length", () => {
  for (const length of [0, 1, 30, -1, -2]) {
    assert.throws(() => reread((text) => text.slice(0, length)), (error) => {
      assert(error instanceof DamagedError);
      assert.match(error.message, /truncated.*reproduce computes it again/);
      return true;
    });
  }
});

Deno.test("a file of another format is damage, though its digest is right", () => {
  const path = Deno.makeTempFileSync();
  try {
    writeSealed(path, { ...content, format: 0 });
    assert.throws(() => readSealed(path), /expected format 1, got format 0/);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("what the disk has lost is damage; what this process may not read is the user's to mend", () => {
  const { readFileSync } = Deno;
  const read = (code: string) => {
    Object.assign(Deno, {
      readFileSync() {
        throw Object.assign(new Error("from the system"), { code });
      },
    });
    try {
      readSealed("runs/result.json");
    } finally {
      Object.assign(Deno, { readFileSync });
    }
  };
  for (const code of ["EIO", "EISDIR", "ENOENT"]) assert.throws(() => read(code), DamagedError);
  for (const code of ["EACCES", "EMFILE"]) assert.throws(() => read(code), UsageError);
  assert.throws(() => readSealed("/"), DamagedError);
});

Deno.test("a missing file is a UsageError with the caller's remedy, without one damage", () => {
  assert.throws(() => readSealed("no/such.json", "run it"), /no\/such\.json: "missing": run it/);
  assert.throws(() => readSealed("no/such.json"), DamagedError);
});
