import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { describeTrace } from "./describe_trace.ts";
import { positionId } from "./environment.ts";
import { type SatConfigInput, SatEnvironment, type SatState } from "./sat.ts";
import { sampleStates } from "./sampling.ts";
import { moments, sampler } from "./testing.ts";

const environment = new SatEnvironment();
const actor = { epsilon: 0.3 };

const sample = sampler(environment, { ...actor, purpose: "sat-test" });

/** Whether a full assignment satisfies every clause. */
function satisfies({ clauses }: Pick<SatState, "clauses">, assignment: readonly number[]): boolean {
  return clauses.every((clause) =>
    clause.some((x) => x > 0 ? assignment[x - 1] === 1 : assignment[-x - 1] === 0)
  );
}

/** Whether some completion of the assignment satisfies the formula. */
function canBe(state: SatState, assignment: readonly number[]): boolean {
  return assignment.length === state.variables
    ? satisfies(state, assignment)
    : canBe(state, [...assignment, 0]) || canBe(state, [...assignment, 1]);
}

/** (v1 or v2 or not v3) and (not v1 or v3 or v4) and (not v2 or not v3 or not v4). */
const byHand = (assignment: number[] = []) =>
  environment.state(4, [[2, 1, -3], [-1, 3, 4], [-4, -2, -3]], assignment);

Deno.test("formulas are satisfiable, of the configured size, without a clause twice", () => {
  const configs: SatConfigInput[] = [{}, { minVariables: 4, maxVariables: 9, clauseRatio: 3 }];
  for (const config of configs) {
    const env = new SatEnvironment(config);
    const { minVariables, maxVariables, clauseRatio } = env.config;
    for (const state of sample(200, {}, env)) {
      const { variables, clauses, assignment } = state;
      assert.ok(variables >= minVariables && variables <= maxVariables);
      assert.ok(assignment.length < variables);
      assert.equal(clauses.length, Math.round(clauseRatio * variables));
      assert.equal(new Set(clauses.map((clause) => clause.join(" "))).size, clauses.length);
      assert.ok(canBe({ ...state, assignment: [] }, []));
      assert.deepEqual(env.state(variables, clauses, assignment), state);
    }
  }
});

Deno.test("the exact value is that of the tree of everything the actor can do", () => {
  const env = new SatEnvironment({ minVariables: 4, maxVariables: 7 });
  for (const epsilon of [0, 0.3, 1]) {
    for (const state of sample(60, { epsilon: 0.5 }, env)) {
      const tree = (assignment: number[]): number => {
        if (assignment.length === state.variables) return satisfies(state, assignment) ? 1 : 0;
        const good = [0, 1].filter((bit) => canBe(state, [...assignment, bit]));
        const among = good.length === 0 ? [0, 1] : good;
        return [0, 1].reduce((sum, bit) => {
          const chance = epsilon / 2 + (among.includes(bit) ? (1 - epsilon) / among.length : 0);
          return sum + chance * tree([...assignment, bit]);
        }, 0);
      };
      const value = env.exactValue(state, { epsilon });
      assert.ok(Math.abs(value - tree([...state.assignment])) < 1e-12);
    }
  }
});

Deno.test("by hand: the value of a small formula", () => {
  const value = (assignment: number[]) => environment.exactValue(byHand(assignment), actor);
  // v1 = 1, v2 = 1, v3 = 0: only v4 = 1 is left, which the actor takes with probability 0.7 + 0.15.
  assert.equal(value([1, 1, 0]), 0.85);
  // With v3 = 1 only v4 = 0 is left. Both values of v3 can be, so the actor takes either.
  assert.equal(value([1, 1]), 0.85);
  // v2 = 0: v3 = 1 satisfies the rest; v3 = 0 needs v4 = 1.
  assert.equal(value([1, 0]), (1 + 0.85) / 2);
  assert.equal(value([0, 0, 1]), 0);
  assert.equal(value([1, 1, 1, 0]), 1);
  assert.equal(value([1, 1, 1, 1]), 0);
});

Deno.test("at epsilon 0 the value says whether the formula is satisfiable; at 1 it counts", () => {
  for (const state of sample(200, { epsilon: 0.6 })) {
    const can = canBe(state, state.assignment);
    assert.equal(environment.exactValue(state, { epsilon: 0 }), can ? 1 : 0);
    const free = state.variables - state.assignment.length;
    let solutions = 0;
    for (let x = 0; x < 2 ** free; x++) {
      const rest = Array.from({ length: free }, (_, i) => (x >> i) & 1);
      if (satisfies(state, [...state.assignment, ...rest])) solutions++;
    }
    assert.equal(environment.exactValue(state, { epsilon: 1 }), solutions / 2 ** free);
  }
});

Deno.test("with the defaults values have the stated mean and variance", () => {
  const states = sample(8000);
  const values = states.map((state) => environment.exactValue(state, actor));
  const { mean, variance } = moments(values);
  assert.ok(Math.abs(mean - 0.39) < 0.015, `mean ${mean}`);
  assert.ok(Math.abs(variance - 0.08) < 0.005, `variance ${variance}`);
  // The best function of the digest and the variables left is their mean value.
  const cells = new Map<string, number[]>();
  states.forEach((state, i) => {
    const cell = `${environment.reasoningTrace(state).at(-1)} ${state.assignment.length}`;
    cells.set(cell, [...cells.get(cell) ?? [], values[i]!]);
  });
  let squares = 0;
  for (const cell of cells.values()) {
    const center = cell.reduce((sum, v) => sum + v, 0) / cell.length;
    for (const v of cell) squares += (v - center) ** 2;
  }
  const r2 = 1 - squares / values.length / variance;
  assert.ok(Math.abs(r2 - 0.6) < 0.03, `r2 ${r2}`);
});

Deno.test("the actor takes values that keep the formula satisfiable, or any", () => {
  // A formula whose first variable must be 1, whose second is free.
  const state = environment.state(4, [[1, 2, 3], [1, -2, 3], [1, 2, -3], [1, -2, -3]]);
  const episodes = 4000;
  let first = 0, second = 0;
  for (let row = 0; row < episodes; row++) {
    const random = new RandomStream({ seed: 1, purpose: "act", row });
    const { assignment } = environment.rollout(random, state, actor).state;
    first += assignment[0]!;
    second += assignment[1]!;
  }
  assert.ok(Math.abs(first / episodes - 0.85) < 4 * Math.sqrt(0.85 * 0.15 / episodes));
  assert.ok(Math.abs(second / episodes - 0.5) < 4 * Math.sqrt(0.25 / episodes));
});

Deno.test("rollouts continue the state to its end, and the verifier reads the clauses", () => {
  sample(200).forEach((state, row) => {
    const random = new RandomStream({ seed: 1, purpose: "end", row });
    const { reward, state: end } = environment.rollout(random, state, actor);
    assert.deepEqual(end.assignment.slice(0, state.assignment.length), state.assignment);
    assert.equal(end.assignment.length, state.variables);
    assert.equal(reward, satisfies(state, end.assignment) ? 1 : 0);
  });
});

Deno.test("the prompt is header, assignment, literals, Q", () => {
  const read = (assignment: number[], context = {}) =>
    environment.vocabulary.render(environment.criticPrompt(byHand(assignment), context));
  assert.equal(
    read([1, 0]),
    "R? L2 v1=1 v2=0 v3=? v4=? a+1:T b+2:F c-3 ; a-1:F b+3 c+4 ; a-2:T b-3 c-4 ; Q",
  );
  assert.match(read([], { successRate: 0.66 }), /^R7 L4 v1=\? v2=\? v3=\? v4=\? a\+1 /);
});

Deno.test("the trace is each clause's status after one, two, three literals, and the digest so far", () => {
  const read = (assignment: number[]) =>
    environment.vocabulary.render(environment.reasoningTrace(byHand(assignment)));
  assert.equal(read([]), Array(3).fill("free1 free2 FREE3 unit0").join(" "));
  assert.equal(
    read([1, 0]),
    "sat sat SATISFIED unit0 free0 free1 FREE2 unit0 sat sat SATISFIED unit0",
  );
  assert.equal(
    read([1, 1, 0]),
    "sat sat SATISFIED unit0 free0 free0 FREE1 unit1 free0 sat SATISFIED unit1",
  );
  assert.equal(
    read([0, 0, 1]),
    "free0 free0 FALSIFIED falsified sat sat SATISFIED falsified sat sat SATISFIED falsified",
  );
});

Deno.test("the digest agrees with a recount", () => {
  for (const state of sample(500)) {
    const { clauses, assignment } = state;
    const open = clauses.filter((clause) =>
      !clause.some((x) => assignment[Math.abs(x) - 1] === (x > 0 ? 1 : 0))
    ).map((clause) => clause.filter((x) => Math.abs(x) > assignment.length).length);
    const unit = open.filter((free) => free === 1).length;
    const digest = open.includes(0) ? "falsified" : `unit${Math.min(unit, 5)}`;
    const names = environment.reasoningTrace(state).map((t) => environment.vocabulary.names[t]!);
    assert.equal(names.at(-1), digest);
    const ends = names.filter((_, i) => i % 4 === 2);
    assert.equal(ends.filter((name) => name === "FREE1").length, unit);
    assert.equal(ends.filter((name) => name === "SATISFIED").length, clauses.length - open.length);
  }
});

Deno.test("trace tokens stand at a constant distance from their literals", () => {
  for (const state of sample(50)) {
    const prompt = environment.criticPrompt(state, {});
    const trace = environment.reasoningTrace(state);
    const n = prompt.length;
    assert.equal(n, 2 + 7 + 4 * 30 + 1);
    assert.equal(trace.length, 120);
    for (let i = 0; i < 120; i++) {
      assert.match(
        environment.vocabulary.names[prompt[9 + i]!]!,
        i % 4 < 3 ? /^[abc][+-]\d(:[FT])?$/ : /^;$/,
      );
      assert.equal(positionId(n + i, n, 168) - positionId(9 + i, n, 168), 159);
    }
    assert.deepEqual(environment.promptLabels(state), [...new Array(9).fill(-1), ...trace, -1]);
  }
});

Deno.test("difficulty is the number of variables", () => {
  const options = { actor, split: "test" as const, difficulty: { min: 8, max: 9 } };
  const states = sampleStates(environment, { seed: 1, purpose: "long" }, 60, options);
  assert.deepEqual(new Set(states.map((s) => s.variables)), new Set([8, 9]));
  for (const state of states) {
    const { prompt, trace } = environment.maxLengths({
      min: state.variables,
      max: state.variables,
    });
    assert.equal(environment.criticPrompt(state, {}).length, prompt);
    assert.equal(environment.reasoningTrace(state).length, trace);
  }
});

Deno.test("a tenth of the formulas is held out, whatever the order of their clauses", () => {
  const all = new SatEnvironment({ heldOutFraction: 0 });
  const states = sample(5000, {}, all);
  const heldOut = states.filter((state) => environment.splitOf(state) === "test").length;
  assert.ok(Math.abs(heldOut - 500) < 4 * Math.sqrt(450), `${heldOut} of 5000`);
  for (const split of ["train", "test"] as const) {
    for (const { clauses } of sample(100, { split })) {
      assert.equal(environment.splitOf({ clauses: clauses.toReversed() }), split);
    }
  }
});

Deno.test("describe and describeTrace are for readers", () => {
  const state = byHand([1, 1, 0]);
  assert.equal(
    environment.describe(state),
    [
      "assignment      v1 = 1, v2 = 1, v3 = 0",
      "variables left  1 of 4",
      "clauses         3: 2 satisfied, 0 falsified, 1 with one free literal",
      "(v1 or v2 or not v3)                satisfied",
      "(not v1 or v3 or v4)                1 free",
      "(not v2 or not v3 or not v4)        satisfied",
    ].join("\n"),
  );
  assert.match(environment.describe(byHand([0, 0, 1])), /v2 or not v3\) +falsified$/m);
  const trace = [...environment.reasoningTrace(state)];
  trace[6] = environment.vocabulary.id("FREE2");
  const lines = describeTrace(environment, state, trace).split("\n");
  assert.equal(lines[2], "clause 1, not v3  SATISFIED  right");
  assert.equal(lines[6], "clause 2, v4      FREE2      wrong, should be FREE1");
  assert.equal(lines[7], "clause 2, digest  unit1      right");
});

Deno.test("bad configurations name field, value and remedy", () => {
  const cases: [SatConfigInput, RegExp][] = [
    [{ minVariables: 3 }, /^UsageError: environment\.minVariables: 3: Too small/],
    [{ maxVariables: 17 }, /^UsageError: environment\.maxVariables: 17: Too big/],
    [{ clauseRatio: 11 }, /^UsageError: environment\.clauseRatio: 11: Too big/],
    [
      { maxVariables: 10 },
      /^UsageError: environment\.traceOffset: 168: formulas of 10 variables make prompts of 185/,
    ],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => new SatEnvironment(config), message);
  }
});

Deno.test("bad states, actors and splits name field, value and remedy", () => {
  const crowded = new SatEnvironment({ minVariables: 4, maxVariables: 4, clauseRatio: 7.5 });
  const cases: [() => unknown, RegExp][] = [
    [() => environment.state(10, []), /variables: 10: must be an integer in 1\.\.9/],
    [() => environment.state(4, [[1, 2, 5]]), /clauses\[0\]: 5: must be a variable 1\.\.4/],
    [() => environment.state(4, [[1, 2, 0]]), /clauses\[0\]: 0: must be a variable 1\.\.4/],
    [() => environment.state(4, [[1, 2]]), /clauses\[0\]: "1 2": must have three different/],
    [() => environment.state(4, [[1, 2, -2]]), /clauses\[0\]: "1 2 -2": must have three different/],
    [() => environment.state(4, Array(50).fill([1, 2, 3])), /environment\.traceOffset: 168: /],
    [() => environment.state(4, [], [0, 1, 0, 1, 0]), /assignment: 5: there are 4 variables/],
    [() => environment.state(4, [], [2]), /assignment: 2: must be 0 or 1/],
    [() => sample(1, { epsilon: 1.5 }), /actor\.epsilon: 1\.5: must lie in 0\.\.1/],
    [() => environment.exactValue(byHand(), { epsilon: NaN }), /actor\.epsilon: NaN/],
    [() => environment.maxLengths({ min: 2, max: 2 }), /difficulty: "2\.\.2": .* 4 <= min <= max/],
    [() => environment.maxLengths({ min: 4, max: 20 }), /difficulty: 20: no formula may have more/],
    [() => sample(1, {}, crowded), /split: "train": found no satisfiable formula in 20000 draws/],
  ];
  for (const [act, message] of cases) assert.throws(act, { name: "UsageError", message });
});
