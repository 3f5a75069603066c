import assert from "node:assert/strict";
import { formatDuration, formatInterval, formatNumber, formatTick } from "./format.ts";

Deno.test("formatNumber keeps three digits and parts thousands", () => {
  const cases: [number | null, string][] = [
    [0, "0"],
    [0.026123, "0.0261"],
    [0.9996, "1.00"],
    [25344, "25,344"],
    [786432, "786,432"],
    [1234567.8, "1,230,000"],
    [1.7e11, "1.70e11"],
    [2.6e-5, "2.60e−5"],
    [-0.5, "−0.500"],
    [-25344, "−25,344"],
    [99.95, "100"],
    [null, "–"],
    [NaN, "–"],
    [-Infinity, "−∞"],
  ];
  for (const [value, text] of cases) assert.equal(formatNumber(value), text);
});

Deno.test("formatNumber takes decimals or significant digits", () => {
  assert.equal(formatNumber(0.98765, { decimals: 2 }), "0.99");
  assert.equal(formatNumber(-0.001, { decimals: 2 }), "0.00", "no minus before a zero");
  assert.equal(formatNumber(12345.678, { significant: 2 }), "12,000");
});

Deno.test("formatInterval gives the three numbers equally many decimals", () => {
  assert.equal(
    formatInterval({ estimate: 0.1234, low: 0.09, high: 0.2 }),
    "0.123 [0.090, 0.200]",
  );
  assert.equal(formatInterval({ estimate: 0.5, low: null, high: null }), "0.500");
  assert.equal(formatInterval({ estimate: null, low: null, high: null }), "–");
});

Deno.test("formatTick is short", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [0.05, "0.05"],
    [0.1 + 0.2, "0.3"],
    [3000, "3k"],
    [1.5e6, "1.5M"],
    [1e11, "10¹¹"],
    [3e-5, "3·10⁻⁵"],
    [-20, "−20"],
  ];
  for (const [value, text] of cases) assert.equal(formatTick(value), text);
});

Deno.test("formatDuration names its units", () => {
  const cases: [number, string][] = [
    [0.4, "< 1 s"],
    [0.6, "1 s"],
    [59.4, "59 s"],
    [59.6, "1 min"],
    [100, "1 min 40 s"],
    [3599.7, "1 h"],
    [7500, "2 h 5 min"],
  ];
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
});
