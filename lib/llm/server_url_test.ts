import assert from "node:assert/strict";
import { serverRoot } from "./server_url.ts";

Deno.test("a server's address, however much of its paths stands behind", () => {
  for (
    const path of ["", "/", "/v1", "/v1/", "/v1/completions", "/v1/chat/completions", "/v1/models"]
  ) {
    assert.equal(serverRoot(`http://127.0.0.1:8000${path}`), "http://127.0.0.1:8000", path);
  }
  assert.equal(serverRoot("https://api.example.com/llm/v1"), "https://api.example.com/llm");
  assert.equal(serverRoot("HTTP://[::1]:80/v1"), "http://[::1]");
});

Deno.test("what is no address is refused, and what may hold a secret is not shown", () => {
  assert.throws(() => serverRoot("localhost:8000"), /"localhost:8000": no address: write it like/);
  assert.throws(() => serverRoot("127.0.0.1"), /no address/);
  for (const url of ["https://me:hunter2@example.com/v1", "https://example.com/v1?key=hunter2"]) {
    assert.throws(() => serverRoot(url), (error: Error) => {
      assert.match(
        error.message,
        /^server: "https:\/\/example\.com\/v1": leave out .*--api-key-variable/,
      );
      return !error.message.includes("hunter2");
    });
  }
});
