import assert from "node:assert/strict";
import { pairedTPower, type PowerOptions, seedsNeeded } from "./power.ts";
import { near } from "./testdata.ts";
import fixture from "./testdata/tests.json" with { type: "json" };

type Alternative = NonNullable<PowerOptions["alternative"]>;

Deno.test("power equals statsmodels' TTestPower", () => {
  assert.equal(fixture.powers.length, 96);
  for (const { ratio, n, alpha, alternative, power } of fixture.powers) {
    const options = { effect: 2 * ratio, sd: 2, alpha, alternative: alternative as Alternative };
    near(pairedTPower(n, options), power, 1e-9);
  }
});

Deno.test("seeds needed are those of statsmodels' solve_power, rounded up", () => {
  assert.equal(fixture.seeds.length, 48);
  for (const { ratio, power, alpha, alternative, n } of fixture.seeds) {
    const options = { effect: ratio, sd: 1, alpha, alternative: alternative as Alternative, power };
    assert.equal(seedsNeeded(options), n, JSON.stringify(options));
  }
});

Deno.test("a two-sided test finds either sign, a one-sided one only its own", () => {
  const down = { effect: -0.8, sd: 1 };
  near(pairedTPower(10, down), pairedTPower(10, { ...down, effect: 0.8 }));
  assert.equal(seedsNeeded(down), 15);
  assert.equal(seedsNeeded({ ...down, alternative: "greater" }), null);
});

Deno.test("without spread, without effect, and beyond all bounds", () => {
  assert.equal(seedsNeeded({ effect: 0.1, sd: 0 }), 2);
  assert.equal(seedsNeeded({ effect: -0.1, sd: 0 }), 2);
  assert.equal(seedsNeeded({ effect: -0.1, sd: 0, alternative: "greater" }), null);
  assert.equal(seedsNeeded({ effect: 0, sd: 0 }), null);
  assert.equal(seedsNeeded({ effect: 0, sd: 1 }), null);
  assert.equal(seedsNeeded({ effect: 1e-6, sd: 1 }), null);
  near(pairedTPower(7, { effect: 0, sd: 1, alpha: 0.03 }), 0.03, 1e-12);
  assert.equal(seedsNeeded({ effect: 1, sd: 1e-9 }), 2);
});

Deno.test("bad options are RangeErrors that say what to do", () => {
  const good = { effect: 1, sd: 1 };
  const cases: [() => unknown, RegExp][] = [
    [() => pairedTPower(1, good), /^RangeError: n: 1: give an integer in 2\.\.100000/],
    [() => pairedTPower(2.5, good), /^RangeError: n: 2.5/],
    [() => pairedTPower(5, { ...good, effect: NaN }), /^RangeError: effect: NaN: give a finite/],
    [() => pairedTPower(5, { ...good, sd: -1 }), /^RangeError: sd: -1: give a finite number, 0 or/],
    [() => pairedTPower(5, { ...good, alpha: 0 }), /^RangeError: alpha: 0: give a number between/],
    [() => seedsNeeded({ ...good, power: 1 }), /^RangeError: power: 1: give a number between/],
  ];
  for (const [call, message] of cases) assert.throws(call, message);
});
