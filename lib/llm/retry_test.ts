import assert from "node:assert/strict";
import { isRetryable, type RetryClock, retryWait, SYSTEM_CLOCK } from "./retry.ts";

const NOW = Date.parse("2026-01-02T03:04:05Z");

function clock(random: number): RetryClock {
  return { now: () => NOW, random: () => random, sleep: () => Promise.resolve() };
}

Deno.test("what passes is tried again, what is the request's fault is not, and the server has the last word", () => {
  const statuses = (headers: Record<string, string>) =>
    [400, 401, 404, 408, 409, 422, 429, 500, 503, 529].filter((status) =>
      isRetryable(status, new Headers(headers))
    );
  assert.deepEqual(statuses({}), [408, 409, 429, 500, 503, 529]);
  assert.deepEqual(statuses({ "x-should-retry": "false" }), []);
  assert.equal(statuses({ "x-should-retry": "true" }).length, 10);
});

Deno.test("the wait doubles up to eight seconds, less up to a quarter", () => {
  const waits = (random: number) =>
    [0, 1, 2, 3, 4, 5].map((retry) => retryWait(retry, undefined, clock(random)));
  assert.deepEqual(waits(0), [500, 1000, 2000, 4000, 8000, 8000]);
  assert.deepEqual(waits(0.5), [437.5, 875, 1750, 3500, 7000, 7000]);
});

Deno.test("the server's wish counts up to a minute: milliseconds before seconds, seconds or a date", () => {
  const wait = (headers: Record<string, string>) => retryWait(0, new Headers(headers), clock(0));
  assert.equal(wait({ "retry-after-ms": "20", "retry-after": "3" }), 20);
  assert.equal(wait({ "retry-after": "1.5" }), 1500);
  assert.equal(wait({ "retry-after": "0" }), 0);
  assert.equal(wait({ "retry-after": "60" }), 60_000);
  assert.equal(wait({ "retry-after": "61" }), 500);
  assert.equal(wait({ "retry-after": "-5" }), 500);
  assert.equal(wait({ "retry-after": "soon" }), 500);
  assert.equal(wait({ "retry-after": "Fri, 02 Jan 2026 03:04:12 GMT" }), 7000);
  assert.equal(wait({ "retry-after": "Fri, 02 Jan 2026 03:04:00 GMT" }), 500, "in the past");
});

Deno.test("a wait ends at once where it is aborted, before or meanwhile", async () => {
  const controller = new AbortController();
  const waiting = SYSTEM_CLOCK.sleep(60_000, controller.signal);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(SYSTEM_CLOCK.sleep(60_000, controller.signal), /enough/);
  await SYSTEM_CLOCK.sleep(1);
});
