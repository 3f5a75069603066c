import assert from "node:assert/strict";
import { staleFrontPage } from "./readme.ts";

Deno.test("the README's claims and figure are what the pinned results say", async () => {
  assert.deepEqual(await staleFrontPage(), [], "run `deno task readme` and commit the result");
});
