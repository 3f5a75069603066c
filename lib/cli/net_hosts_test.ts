import assert from "node:assert/strict";
import { netHosts } from "./net_hosts.ts";

Deno.test("addresses become hosts with their ports, what is none is left out, and nothing is granted twice", () => {
  assert.deepEqual(
    netHosts([
      ...["--model", "m", "http://127.0.0.1:8080/v1", "--server=https://api.example.com/v1"],
      ...["server:http://localhost", "http://[::1]:99", "https://api.example.com", "http://"],
      "localhost:8080",
    ]),
    ["127.0.0.1:8080", "api.example.com:443", "localhost:80", "[::1]:99"],
  );
  assert.deepEqual(netHosts([]), []);
});
