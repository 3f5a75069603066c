import assert from "node:assert/strict";
import { refusalIn } from "./lab.ts";

Deno.test("JupyterLab's reason to end is found in its log; the address is no reason", () => {
  const root = "Running as root is not recommended. Use --allow-root to bypass.";
  assert.equal(refusalIn(`[C 2026-01-02 03:04:05.678 ServerApp] ${root}`), root);
  const port = "the Jupyter server could not be started because port 80 is not available.";
  assert.equal(refusalIn(`[C 2026-01-02 03:04:05.678 ServerApp] ERROR: ${port}`), port);
  for (
    const line of [
      "[I 2026-01-02 03:04:05.678 ServerApp] jupyterlab | extension was successfully loaded.",
      "[C 2026-01-02 03:04:05.678 ServerApp] ",
      "    http://localhost:8888/lab?token=0123",
      "",
    ]
  ) assert.equal(refusalIn(line), undefined);
});
