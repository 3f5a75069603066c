import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { ROOT } from "../root.ts";
import { findTorch } from "./bench_process.ts";
import { webGpuBenchOptions } from "./bench_webgpu.ts";
import { PeerTurns } from "./bench_webgpu_peer.ts";
import {
  parsePeer,
  peerUnfit,
  type WebGpuComparison,
  type WebGpuSetting,
  webGpuTable,
  webGpuVerdict,
} from "./bench_webgpu_targets.ts";

const CARD: WebGpuSetting = { peakGflops: 20_000, adapterUnfit: undefined, peerUnfit: undefined };
const row = (work: string, ours: number, rest: Partial<WebGpuComparison> = {}) => ({
  work,
  flops: 2 * 4096 ** 3,
  ours,
  ...rest,
});

Deno.test("the table has both sides, their ratio, the share of the rate and every target", () => {
  // 2 * 4096^3 = 137.4 GFLOP: 10 ms are 13744 GFLOPS, 68.7% of 20 TFLOPS; 20 ms are half of that.
  const table = webGpuTable([
    row("product nn 4096^3", 10, { peer: 8 }),
    row("product nt 4096^3", 20, { peer: 8 }),
    row("training step 1M", 3, { peer: 2 }),
    row("training step 10M", 20, { peer: 20 }),
    row("training step 100M", 21, { peer: 20 }),
  ], CARD);
  const [head, , ...lines] = table.split("\n").map((line) => line.replaceAll(/ +/g, " "));
  assert.deepEqual([head, ...lines], [
    "| work | ours, ms | PyTorch, ms | ratio | ours, GFLOPS | PyTorch, GFLOPS | ours, of the card's rate | target |",
    "| product nn 4096^3 | 10.0 | 8.00 | 1.25 | 13744 | 17180 | 68.7% | >= 50% of the card's rate: met |",
    "| product nt 4096^3 | 20.0 | 8.00 | 2.50 | 6872 | 17180 | 34.4% | >= 50% of the card's rate: missed |",
    "| training step 1M | 3.00 | 2.00 | 1.50 | 45813 | 68719 | 229.1% | |",
    "| training step 10M | 20.0 | 20.0 | 1.00 | 6872 | 6872 | 34.4% | ratio <= 1: met |",
    "| training step 100M | 21.0 | 20.0 | 1.05 | 6545 | 6872 | 32.7% | ratio <= 1: missed |",
    "| product tn 4096^3 | | | | | | | >= 50% of the card's rate: not measured (not run) |",
  ]);
});

Deno.test("a target is open wherever a figure does not count", () => {
  const product = row("product nn 4096^3", 10), step = row("training step 10M", 10, { peer: 20 });
  const why = (r: WebGpuComparison, change: Partial<WebGpuSetting> = {}) =>
    webGpuVerdict(r.work, r, { ...CARD, ...change }).replace(/^.*: /, "");
  assert.equal(why(product), "met");
  assert.equal(why(product, { peakGflops: undefined }), "not measured (no --peak-gflops)");
  assert.equal(
    why(product, { adapterUnfit: "software adapter" }),
    "not measured (software adapter)",
  );
  // A product's target is the card's rate: the peer does not matter.
  assert.equal(why(product, { peerUnfit: "the peer is a CPU" }), "met");
  assert.equal(why(step, { peakGflops: undefined }), "met");
  assert.equal(why(step, { peerUnfit: "the peer is a CPU" }), "not measured (the peer is a CPU)");
  assert.equal(why(step, { adapterUnfit: "software adapter" }), "not measured (software adapter)");
  assert.equal(why(row("training step 10M", 10)), "not measured (no --peer)");
  const failed = row("training step 10M", 10, { peerError: "out of memory" });
  assert.equal(why(failed), "not measured (PyTorch failed)");
  assert.match(
    webGpuTable([failed], CARD),
    /\n\n- training step 10M: PyTorch failed: out of memory$/,
  );
  assert.equal(webGpuVerdict("training step 1M", row("training step 1M", 1), CARD), "");
});

Deno.test("a peer that describes itself badly or computes in TF32 is refused", () => {
  const good = { version: "2.13.0", kind: "cuda", device: "NVIDIA H200", tf32: false };
  assert.deepEqual(parsePeer(good), { version: "2.13.0", kind: "cuda", device: "NVIDIA H200" });
  assert.throws(() => parsePeer({ ...good, tf32: true }), /TF32/);
  for (const bad of [null, {}, { ...good, kind: "mps" }, { ...good, tf32: undefined }]) {
    assert.throws(() => parsePeer(bad), /described itself as/);
  }
});

Deno.test("a peer counts on the same card alone", () => {
  const on = (device: string, kind: "cuda" | "cpu" = "cuda") => ({ version: "", kind, device });
  assert.equal(peerUnfit(on("NVIDIA H200"), "NVIDIA H200"), undefined);
  const radeon = "AMD Radeon RX 7900 XTX";
  assert.equal(peerUnfit(on(radeon), `${radeon} (RADV NAVI31)`), undefined);
  assert.equal(peerUnfit(on("NVIDIA H200"), "NVIDIA A100"), "the peer is another card");
  assert.equal(peerUnfit(on("NVIDIA H200"), ""), "the peer is another card");
  assert.equal(peerUnfit(on("CPU", "cpu"), "CPU"), "the peer is a CPU");
});

Deno.test("the script's flags", () => {
  assert.deepEqual(webGpuBenchOptions([]), { tiny: false, peakGflops: undefined });
  assert.deepEqual(
    webGpuBenchOptions(["--tiny", "--peer", "torch", "--peak-gflops=67e3"]),
    { tiny: true, peakGflops: 67_000, python: "python3" },
  );
  assert.equal(webGpuBenchOptions(["--peer=torch", "--python=/x/python"]).python, "/x/python");
  for (
    const bad of ["--peer=jax", "--python=python3", "--peak-gflops=fast", "--peak-gflops=0", "--x"]
  ) assert.throws(() => webGpuBenchOptions([bad]), UsageError, bad);
});

Deno.test("the script runs on a bare machine: without a configuration, npm packages or a network", async () => {
  const bare = [
    ...["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-prompt"],
    "--import-map=lib/bench/bare_imports.json",
  ];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...bare, "--allow-read=.", "lib/bench/bench_webgpu.ts", "--peer", "jax"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  // It came to its own flags: all that it imports is there.
  assert.equal(new TextDecoder().decode(stderr), 'error: --peer: "jax": torch, or none\n');
  assert.equal(code, 2);
});

Deno.test("a Python that cannot be started or has no torch is named, with the remedy", async () => {
  await assert.rejects(
    findTorch("/nonexistent/python", "gpu", () => {}),
    /^UsageError: --python: "\/nonexistent\/python": .*a Python that can import torch/,
  );
  // -c would be the script: false ends at once, like a Python that fails.
  await assert.rejects(findTorch("false", "gpu", () => {}), /--python: "false": PyTorch ended/);
});

Deno.test({
  name: "what the peer's Python prints beside its answers disturbs nothing, and is told if it ends",
  ignore: Deno.build.os === "windows", // The peer is a script of sh.
  async fn() {
    const script = Deno.makeTempFileSync({ prefix: "genac-peer-" });
    try {
      const answer = (then: string) => {
        const text = `#!/bin/sh\nprintf 'Welcome!\\n{broken\\n'\nread command\n${then}\n`;
        Deno.writeTextFileSync(script, text);
        Deno.chmodSync(script, 0o755);
        return findTorch(script, "gpu", () => {});
      };
      const { answer: found } = await answer(`echo '{"version": "2"}'`);
      assert.deepEqual(found, { version: "2" });
      await assert.rejects(answer(`echo "no torch here"`), /: no torch here: give a Python that/);
    } finally {
      Deno.removeSync(script);
    }
  },
});

Deno.test("a peer that fails costs its own column", async () => {
  const peer = { python: "false", version: "", kind: "cuda", device: "" } as const;
  const command = { op: "product", n: 4, transposeA: false, transposeB: false } as const;
  const turns = await PeerTurns.product(peer, command);
  await turns.turn(3);
  const { peer: time, peerError } = await turns.end();
  assert.equal(time, undefined);
  assert.match(peerError!, /PyTorch ended/);
  // Without a peer there is nothing to say.
  const none = await PeerTurns.product(undefined, command);
  await none.turn(3);
  assert.deepEqual(await none.end(), {});
});
