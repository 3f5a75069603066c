/**
 * Writes reference.json, to which reference_test.ts compares the exports: what other implementations make of them, and the
 * SHA-256 of the files that they were given. Run with a Python that has what reference.py needs:
 *
 *     GENAC_TEST_PYTHON=/path/to/python deno run -A lib/export/testdata/make_reference.ts
 */
import { digestsOf, referenceFiles, runReference } from "../testing.ts";

const python = Deno.env.get("GENAC_TEST_PYTHON") ?? "python3";
const files = await referenceFiles();
const { versions, cases } = await runReference(python, files);
const joined = Object.entries(files).map(([name, own]) =>
  [name, { files: digestsOf(own), ...cases[name] }] as const
);
const content = JSON.stringify({ versions, cases: Object.fromEntries(joined) });
Deno.writeTextFileSync(new URL("reference.json", import.meta.url), `${content}\n`);
