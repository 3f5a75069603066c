import assert from "node:assert/strict";
import { copyCheckout } from "../cli/testdata/checkout.ts";
import { sha256 } from "../numeric/digest.ts";
import { readPins } from "../run/pins.ts";
import { ROOT } from "../root.ts";
import { bundle, engineBundle } from "./bundle.ts";
import { compareCell } from "./comparison.ts";
import type { RecomputedCell, Reply, Request } from "./messages.ts";
import { pinnedProfile } from "./pinned.ts";
import scaling from "../../experiments/scaling/mod.ts";

/** Asks the engine's script in a Worker that, as a browser's, knows neither Deno nor Node. */
async function ask(script: string, request: Request): Promise<Reply[]> {
  const text = `delete globalThis.process; delete globalThis.Deno;${script}`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const replies: Reply[] = [];
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.onmessage = ({ data }: MessageEvent<Reply>) => {
        replies.push(data);
        if (data.type === "ready") worker.postMessage(request);
        else if (data.type !== "progress") resolve(replies);
      };
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

const address = { experiment: "scaling", profile: "smoke" } as const;
const CELL = "discriminative-mse/d16-L2/seed1";

Deno.test("the engine's script trains a pinned cell to the bit where there is neither Deno nor Node", async () => {
  const { text } = await engineBundle();
  const replies = await ask(text, { type: "cell", id: 7, ...address, cell: CELL });
  assert.ok(replies.filter(({ type }) => type === "progress").length > 1);
  const got = replies.at(-1) as RecomputedCell & Reply;
  assert.equal(got.type, "cell");
  const profile = pinnedProfile(scaling, "smoke")!;
  const pin = profile.cells.find(({ id }) => id === CELL)!;
  const same = { pinned: "b", computed: "b" };
  assert.ok(compareCell(pin, profile, got, same).equal);
  const pins = readPins(`${ROOT}experiments/scaling/pins/smoke.json`)!;
  assert.deepEqual(got.metrics, pins.cells[CELL]!.metrics);
});

Deno.test("the engine hashes a text", async () => {
  const { text, sha256: digest } = await engineBundle();
  const replies = await ask(text, { type: "hash", id: 2, text });
  assert.deepEqual(replies.at(-1), { type: "hash", id: 2, sha256: digest });
});

Deno.test("what fails in the engine is answered", async () => {
  const { text } = await engineBundle();
  const replies = await ask(text, { type: "cell", id: 1, ...address, cell: "none" });
  assert.deepEqual(replies.at(-1), {
    type: "failed",
    id: 1,
    message: "RangeError: scaling has no cell none in smoke",
  });
});

Deno.test("the same sources give the same bytes in another folder", async () => {
  using checkout = copyCheckout("a folder");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-read", "lib/verify/bundle.ts"],
    cwd: checkout.folder,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const { text, sha256: digest } = await engineBundle();
  assert.equal(sha256(stdout), digest);
  assert.doesNotMatch(text, /file:\/\/|node_modules/);
});

Deno.test("a module that is not there is an error", async () => {
  await assert.rejects(bundle(import.meta.resolve("./missing.ts")), /missing\.ts/);
});
