import assert from "node:assert/strict";
import { canonicalJson, sha256 } from "../tensor/digest.ts";
import { RandomStream } from "../tensor/random.ts";
import { type CircuitConfigInput, CircuitEnvironment, type CircuitState } from "./circuit.ts";
import { type Circuit, type Gate, INPUTS, OPERATIONS } from "./circuit_program.ts";
import { positionId } from "./environment.ts";
import { sampleStates } from "./sampling.ts";

const environment = new CircuitEnvironment();
const actor = { epsilon: 0.1 };

function sample(
  count: number,
  { split = "train" as "train" | "test", epsilon = 0.1, purpose = "circuit-test" } = {},
  from = environment,
): CircuitState[] {
  return sampleStates(from, { seed: 1, purpose }, count, { actor: { epsilon }, split });
}

function gate(name: string, a: number, b: number, c = -1): Gate {
  return { op: OPERATIONS.findIndex((operation) => operation.name === name), a, b, c };
}

/** The operations, written down a second time. */
function result({ op, a, b, c }: Gate, values: readonly number[], p: number): number {
  const [x, y, z] = [values[a]!, values[b]!, values[c]!];
  switch (OPERATIONS[op]!.name) {
    case "add":
      return (x + y) % p;
    case "sub":
      return (x - y + p) % p;
    case "mix":
      return (2 * x + 3 * y + 1) % p;
    case "low":
      return z < (p - 1) / 2 ? x : y;
    case "even":
      return [0, 2, 4, 6, 8, 10, 12].includes(z) ? x : y;
    default:
      return z > 0 ? y : x;
  }
}

/** Inputs and gate values if the actor goes on from `written` without a slip. */
function follow({ inputs, gates }: Circuit, written: readonly number[], p: number): number[] {
  const values = [...inputs, ...written];
  for (const g of gates.slice(written.length)) values.push(result(g, values, p));
  return values;
}

/** x0 = 3, x1 = 6, x2 = 0, x3 = 2. By hand modulo 7: g0 = 9 = 2, g1 = x1 (2 is low) = 6, g2 = 4 + 18 + 1 = 2. */
const byHand: Circuit = {
  inputs: [3, 6, 0, 2],
  gates: [gate("add", 0, 1), gate("low", 1, 2, 4), gate("mix", 4, 5)],
};

Deno.test("programs are in topological order, with every gate read within reach, in bounded width", () => {
  const configs: CircuitConfigInput[] = [
    {},
    { maxWidth: 2, maxReach: 1 },
    { maxWidth: 2, maxReach: 9 },
    { maxWidth: 5, maxReach: 3, minGates: 1, maxGates: 20, modulus: 5 },
  ];
  for (const config of configs) {
    const env = new CircuitEnvironment(config);
    const { modulus, minGates, maxGates, maxReach } = env.config;
    for (const state of sample(1000, {}, env)) {
      const { inputs, gates } = state.circuit;
      assert.ok(gates.length >= minGates && gates.length <= maxGates);
      assert.ok(inputs.length === INPUTS && inputs.every((v) => v >= 0 && v < modulus));
      const read = new Set<number>();
      gates.forEach(({ op, a, b, c }, i) => {
        const operands = OPERATIONS[op]!.arity === 3 ? [a, b, c] : [a, b];
        if (OPERATIONS[op]!.arity === 2) assert.equal(c, -1);
        assert.equal(new Set(operands).size, operands.length);
        for (const x of operands) {
          assert.ok(x >= 0 && x < INPUTS + i && (x < INPUTS || INPUTS + i - x <= maxReach));
          read.add(x - INPUTS);
        }
      });
      for (let g = 0; g < gates.length - 1; g++) assert.ok(read.has(g), `gate ${g} is not read`);
      // `state` refuses a circuit that is wider than maxWidth.
      assert.deepEqual(env.state(state.circuit, state.written), state);
      assert.ok(state.written.length < gates.length);
    }
  }
});

Deno.test("wide programs reach the greatest width, and operands come from everywhere", () => {
  const alive = ({ gates }: Circuit) =>
    gates.map((_, i) =>
      gates.slice(0, i + 1).filter((_, g) =>
        gates.slice(i + 1).some(({ a, b, c }) => [a, b, c].includes(INPUTS + g))
      ).length
    );
  const states = sample(500);
  const widths = states.map(({ circuit }) => Math.max(...alive(circuit)));
  assert.equal(Math.max(...widths), 4);
  const seen = new Set<string>();
  for (const { circuit } of states) {
    for (const token of environment.criticPrompt({ circuit, written: [] }, {})) {
      seen.add(environment.vocabulary.names[token]!);
    }
  }
  for (const slot of ["a", "b", "c"]) {
    for (const operand of ["x0", "x1", "x2", "x3", ..."12345678".split("").map((d) => `-${d}`)]) {
      assert.ok(seen.has(slot + operand), slot + operand);
    }
  }
  for (const { name } of OPERATIONS) assert.ok(seen.has(name), name);
});

Deno.test("the exact value is that of the tree of everything the actor can write", () => {
  const configs: CircuitConfigInput[] = [
    { minGates: 1, maxGates: 5 },
    { modulus: 5, minGates: 5, maxGates: 6, maxWidth: 5 },
    { modulus: 13, minGates: 3, maxGates: 4, maxWidth: 2 },
  ];
  for (const config of configs) {
    const env = new CircuitEnvironment(config);
    const p = env.config.modulus;
    for (const epsilon of [0, 0.1, 0.6, 1]) {
      for (const { circuit, written } of sample(40, { epsilon: 0.3 }, env)) {
        const target = follow(circuit, [], p).at(-1)!;
        const tree = (values: number[]): number => {
          if (values.length === INPUTS + circuit.gates.length) {
            return values.at(-1) === target ? 1 : 0;
          }
          const next = result(circuit.gates[values.length - INPUTS]!, values, p);
          let sum = 0;
          for (let v = 0; v < p; v++) {
            const chance = v === next ? 1 - epsilon : epsilon / (p - 1);
            if (chance > 0) sum += chance * tree([...values, v]);
          }
          return sum;
        };
        const value = env.exactValue({ circuit, written }, { epsilon });
        assert.ok(Math.abs(value - tree([...circuit.inputs, ...written])) < 1e-12);
      }
    }
  }
});

Deno.test("the exact value leaves out gates that nothing needs, wherever they stand", () => {
  // g1 is never read, g2 only by g1's reader g3, which is not read either; the output needs g0 and g4.
  const circuit: Circuit = {
    inputs: [1, 2, 3, 4],
    gates: [
      gate("add", 0, 1),
      gate("add", 4, 2),
      gate("sub", 4, 3),
      gate("low", 5, 6, 6),
      gate("mix", 4, 0),
      gate("add", 8, 4),
    ],
  };
  const needed: Circuit = {
    inputs: circuit.inputs,
    gates: [gate("add", 0, 1), gate("mix", 4, 0), gate("add", 5, 4)],
  };
  const narrow = new CircuitEnvironment({ maxWidth: 2 });
  for (const epsilon of [0.1, 0.5]) {
    assert.equal(
      narrow.exactValue(narrow.state(circuit), { epsilon }),
      narrow.exactValue(narrow.state(needed), { epsilon }),
    );
    const [all, few] = [narrow.state(circuit, [5, 1, 1, 1]), narrow.state(needed, [5])];
    assert.equal(narrow.exactValue(all, { epsilon }), narrow.exactValue(few, { epsilon }));
  }
});

Deno.test("by hand: a slip that a selector hides costs nothing", () => {
  // g0 = 2 is right; 0 and 1 pick the same operand of g1; then g2 = 2 g0 + 3 g1 + 1 reads g0 as well.
  const last: Circuit = { ...byHand, gates: byHand.gates.slice(0, 2) };
  const value = (written: number[]) => environment.exactValue({ circuit: last, written }, actor);
  assert.equal(value([2]), 0.9);
  assert.equal(value([0]), 0.9);
  assert.ok(Math.abs(value([3]) - 0.1 / 6) < 1e-15);
  // Before g0: it is low with probability 0.9 + 2 (0.1 / 6).
  const low = 0.9 + 0.2 / 6;
  assert.ok(Math.abs(value([]) - (low * 0.9 + (1 - low) * 0.1 / 6)) < 1e-15);
});

Deno.test("at epsilon 0 the value says whether the output follows from what is written", () => {
  for (const { circuit, written } of sample(300, { epsilon: 0.3 })) {
    const right = follow(circuit, [], 7).at(-1) === follow(circuit, written, 7).at(-1);
    assert.equal(environment.exactValue({ circuit, written }, { epsilon: 0 }), right ? 1 : 0);
  }
});

Deno.test("values do not depend on what was asked before", () => {
  const states = sample(50);
  const alone = states.map((state) => new CircuitEnvironment().exactValue(state, actor));
  assert.deepEqual(states.map((state) => environment.exactValue(state, actor)), alone);
  assert.deepEqual(
    states.toReversed().map((s) => environment.exactValue(s, actor)).reverse(),
    alone,
  );
});

Deno.test("with the defaults values are spread as the header says", () => {
  const values = sample(20_000).map((state) => environment.exactValue(state, actor));
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean - 0.6) < 0.01, `mean ${mean}`);
  assert.ok(Math.abs(variance - 0.085) < 0.003, `variance ${variance}`);
});

Deno.test("the actor slips with probability epsilon, to each other value equally often", () => {
  const counts = new Array<number>(7).fill(0);
  let total = 0;
  for (const { circuit, written } of sample(4000, { epsilon: 0.3 })) {
    written.forEach((v, i) => {
      const values = [...circuit.inputs, ...written.slice(0, i)];
      const k = (v - result(circuit.gates[i]!, values, 7) + 7) % 7;
      counts[k] = counts[k]! + 1;
      total++;
    });
  }
  [0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05].forEach((chance, k) => {
    const error = Math.sqrt(chance * (1 - chance) / total);
    assert.ok(Math.abs(counts[k]! / total - chance) < 4 * error, `${k}: ${counts[k]! / total}`);
  });
});

Deno.test("the number of gates and of values written is about uniform", () => {
  const states = sample(8000);
  for (let n = 6; n <= 10; n++) {
    const some = states.filter(({ circuit }) => circuit.gates.length === n);
    assert.ok(Math.abs(some.length - 1600) < 4 * Math.sqrt(8000 * 0.2 * 0.8), `${n} gates`);
    for (let k = 0; k < n; k++) {
      const count = some.filter(({ written }) => written.length === k).length;
      const expected = some.length / n;
      assert.ok(Math.abs(count - expected) < 4.5 * Math.sqrt(expected), `${k} of ${n}: ${count}`);
    }
  }
});

Deno.test("the prompt is header, inputs, then operands, operation and value of each gate", () => {
  const read = (written: number[], context = {}) =>
    environment.vocabulary.render(environment.criticPrompt({ circuit: byHand, written }, context));
  const head = "x0=3 x1=6 x2=0 x3=2";
  assert.equal(
    read([2]),
    `R? L2 ${head} no-c add ax0 bx1 w2 c-1 low ax1 bx2 w? no-c mix a-2 b-1 w? Q`,
  );
  assert.match(read([2, 6, 2], { successRate: 0.66 }), /^R7 L0 .* mix a-2 b-1 w2 Q$/);
});

Deno.test("the trace has right and followed values, and what selectors pick", () => {
  const read = (written: number[]) =>
    environment.vocabulary.render(environment.reasoningTrace({ circuit: byHand, written }));
  assert.equal(
    read([]),
    "no-C do add 3/3 6/6 2/2 2/2 pick a/a 6/6 0/0 6/6 no-C do mix 2/2 6/6 2/2 right",
  );
  // With 5 in place of 2, g1 picks x2 = 0, and g2 = 10 + 0 + 1 = 4.
  assert.equal(
    read([5]),
    "no-C do add 3/3 6/6 2/5 2/5 pick a/b 6/6 0/0 6/0 no-C do mix 2/5 6/0 2/4 wrong",
  );
  // A second slip, at g1, may repair the output: 10 + 3 y + 1 = 2 for y = 4.
  assert.match(read([5, 4]), / 6\/4 no-C do mix 2\/5 6\/4 2\/2 right$/);
  for (const { circuit, written } of sample(300, { epsilon: 0.3 })) {
    const names = environment.reasoningTrace({ circuit, written })
      .map((token) => environment.vocabulary.names[token]!);
    const right = follow(circuit, [], 7), followed = follow(circuit, written, 7);
    circuit.gates.forEach(({ a, b, c }, i) => {
      const pair = (x: number) => `${right[x]}/${followed[x]}`;
      const expected = [c < 0 ? "no-C" : pair(c), pair(a), pair(b), pair(INPUTS + i)];
      assert.deepEqual([0, 2, 3, 4].map((k) => names[5 * i + k]), expected);
      assert.equal(/^pick/.test(names[5 * i + 1]!), c >= 0);
    });
    assert.equal(names.at(-1), right.at(-1) === followed.at(-1) ? "right" : "wrong");
  }
});

Deno.test("trace tokens and operands stand where the header says", () => {
  const { vocabulary, traceOffset } = environment;
  const { names } = vocabulary;
  for (const state of sample(200)) {
    const prompt = environment.criticPrompt(state, {});
    const trace = environment.reasoningTrace(state);
    const n = prompt.length;
    assert.equal(n, 6 + 5 * state.circuit.gates.length + 1);
    assert.equal(trace.length, n - 6);
    trace.forEach((token, i) => {
      // Trace token i is written at traceOffset + 1 + i, predicted one before, and about prompt token 6 + i.
      assert.equal(positionId(n + i, n, traceOffset) - positionId(6 + i, n, traceOffset), 102);
      const back = names[prompt[6 + i]!]!.match(/^[abc]-(\d)$/);
      if (!back) return;
      // The operand's value is the last of five tokens of a gate so many gates back.
      const value = Math.floor(i / 5) * 5 + 4 - 5 * Number(back[1]);
      assert.equal(token, trace[value]);
    });
    const labels = environment.promptLabels(state);
    assert.deepEqual(labels, [-1, -1, -1, -1, -1, -1, ...trace]);
    assert.equal(labels.length, prompt.length);
  }
});

Deno.test("gates left saturate, so that longer circuits need no new tokens", () => {
  const options = { actor, split: "test" as const, difficulty: { min: 20, max: 20 } };
  const states = sampleStates(environment, { seed: 1, purpose: "long" }, 50, options);
  for (const state of states) {
    assert.equal(state.circuit.gates.length, 20);
    const left = Math.min(20 - state.written.length, 10);
    const [, token] = environment.criticPrompt(state, {});
    assert.equal(environment.vocabulary.names[token!], `L${left}`);
  }
});

Deno.test("a neural actor's response stands at a constant distance from the gates", () => {
  const { vocabulary, traceOffset } = environment;
  for (const state of sample(100)) {
    const prompt = environment.actorPrompt(state, { successRate: 0.5 });
    const think = prompt.indexOf(vocabulary.think);
    assert.equal(vocabulary.names[prompt[think - 1]!], "Q");
    assert.equal(prompt.length, think + 1 + state.written.length);
    assert.deepEqual(
      prompt.slice(think + 1).map((t) => environment.writtenValue(t)),
      [...state.written],
    );
    // No written value shows before TH: it is the start of the episode.
    const start = { circuit: state.circuit, written: [] };
    assert.deepEqual(
      prompt.slice(0, think),
      environment.criticPrompt(start, { successRate: 0.5 }),
    );
    state.circuit.gates.forEach((_, i) => {
      // Gate i's value is predicted at TH or at the value before.
      const predicted = environment.actorPosition(think + i, state);
      assert.equal(predicted - environment.actorPosition(6 + 5 * i, state), traceOffset - 6);
    });
  }
});

Deno.test("writing token by token ends in the verifier's outcome", () => {
  let state = environment.state(byHand);
  assert.throws(() => environment.verify(state), /last gate is not written/);
  for (const value of [2, 6]) state = environment.write(state, value);
  assert.deepEqual(state.written, [2, 6]);
  assert.equal(environment.verify(environment.write(state, 2)), 1);
  assert.equal(environment.verify(environment.write(state, 3)), 0);
  assert.throws(() => environment.write(state, 7), /value: 7: must be an integer in 0\.\.6/);
  assert.throws(() => environment.write(environment.write(state, 2), 2), /every gate is written/);
  assert.equal(environment.writtenValue(environment.writtenToken(6)), 6);
  const { vocabulary } = environment;
  for (const name of ["w?", "Q", "pick a/a"]) {
    assert.equal(environment.writtenValue(vocabulary.id(name)), undefined, name);
  }
});

Deno.test("rollouts continue the state to its end", () => {
  sample(200).forEach((state, row) => {
    const random = new RandomStream({ seed: 1, purpose: "end", row });
    const { reward, state: end } = environment.rollout(random, state, actor);
    assert.deepEqual(end.written.slice(0, state.written.length), state.written);
    assert.equal(end.written.length, state.circuit.gates.length);
    assert.equal(reward, end.written.at(-1) === follow(state.circuit, [], 7).at(-1) ? 1 : 0);
  });
});

Deno.test("a tenth of the circuits is held out", () => {
  const all = new CircuitEnvironment({ heldOutFraction: 0 });
  const states = sample(10_000, {}, all);
  const heldOut = states.filter(({ circuit }) => environment.splitOf(circuit) === "test").length;
  assert.ok(Math.abs(heldOut - 1000) < 4 * Math.sqrt(900), `${heldOut} of 10000`);
  // The split is that of program and inputs, not of what is written.
  for (const split of ["train", "test"] as const) {
    for (const { circuit } of sample(200, { split })) {
      assert.equal(new CircuitEnvironment({ maxGates: 12 }).splitOf(circuit), split);
    }
  }
});

Deno.test("describe and describeTrace are for readers", () => {
  const state = environment.state(byHand, [5]);
  assert.equal(
    environment.describe(state),
    [
      "inputs      x0 = 3, x1 = 6, x2 = 0, x3 = 2",
      "arithmetic  modulo 7",
      "g0          add(x0, x1)       right 2  written 5",
      "g1          low(x1, x2, g0)   right 6  follows 0",
      "g2          mix(g0, g1)       right 2  follows 4",
      "gates left  2 of 3",
    ].join("\n"),
  );
  const trace = [...environment.reasoningTrace(state)];
  trace[6] = environment.vocabulary.id("pick a/a");
  const lines = environment.describeTrace(state, trace.slice(0, -1)).split("\n");
  assert.equal(lines[5], "g1 c      2/5       right");
  assert.equal(lines[6], "g1 does   pick a/a  wrong, should be pick a/b");
  assert.equal(lines.at(-1), "output    nothing   wrong, should be wrong");
});

Deno.test("states, prompts, traces and values never change", () => {
  const content = (["train", "test"] as const).map((split) =>
    sample(64, { split, purpose: "pin" }).map((state) => [
      state,
      environment.criticPrompt(state, { successRate: 0.4 }),
      environment.reasoningTrace(state),
      environment.exactValue(state, actor),
    ])
  );
  assert.equal(
    sha256(new TextEncoder().encode(canonicalJson(content))),
    "1671aa601a4000f8d7997e83d3456de95f6182a1ba87b5f2445c4b027ec9f2f9",
  );
});

Deno.test("bad configurations name field, value and remedy", () => {
  const cases: [CircuitConfigInput, RegExp][] = [
    [{ modulus: 6 as never }, /^UsageError: environment\.modulus: 6: .*5\|7\|11\|13/],
    [
      { minGates: 11 },
      /^UsageError: environment\.minGates: 11: must not exceed maxGates, which is/,
    ],
    [{ maxWidth: 1 }, /^UsageError: environment\.maxWidth: 1: Too small/],
    [{ maxReach: 0 }, /^UsageError: environment\.maxReach: 0: Too small/],
    [
      { maxGates: 21 },
      /^UsageError: environment\.traceOffset: 108: circuits of 21 gates make prompts of 112 tokens/,
    ],
    [
      { gates: 3 } as never,
      /^UsageError: environment: "gates": unknown field; choose from modulus/,
    ],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => new CircuitEnvironment(config), message);
  }
});

Deno.test("bad states, actors and splits name field, value and remedy", () => {
  const { inputs } = byHand;
  const build = (gates: Gate[], written: number[] = []) =>
    environment.state({ inputs, gates }, written);
  const chain = (n: number) => Array.from({ length: n }, (_, i) => gate("add", i, i + 1));
  const wide = [0, 1, 2, 3].map((x) => gate("add", x, (x + 1) % 4));
  const cases: [() => unknown, RegExp][] = [
    [() => build([]), /difficulty: "0\.\.0": must be integers with 1 <= min <= max/],
    [() => build(chain(21)), /environment\.traceOffset: 108: /],
    [() => environment.state({ ...byHand, inputs: [1, 2] }), /circuit\.inputs: 2: there must be 4/],
    [
      () => environment.state({ ...byHand, inputs: [1, 2, 3, 7] }),
      /circuit\.inputs: 7: must be an integer in 0\.\.6/,
    ],
    [() => build([gate("max", 0, 1)]), /circuit\.gates\[0\]\.op: -1: must be an integer in 0\.\.5/],
    [
      () => build([gate("add", 0, 4)]),
      /gates\[0\]\.b: 4: must be an input or an earlier gate, 0\.\.3/,
    ],
    [() => build([gate("add", 0, 1, 2)]), /gates\[0\]\.c: 2: must be -1: add has no control/],
    [() => build([gate("low", 0, 1)]), /gates\[0\]\.c: -1: must be an input or an earlier gate/],
    [
      () => build([...chain(9), gate("add", 0, 4)]),
      /gates\[9\]\.b: 4: lies more than maxReach, 8, gates back/,
    ],
    [
      () =>
        build([
          ...wide,
          gate("add", 0, 2),
          gate("low", 4, 5, 6),
          gate("low", 7, 8, 9),
          gate("add", 9, 10),
        ]),
      /environment\.maxWidth: 4: the circuit's width is 5; raise it/,
    ],
    [() => build(chain(2), [1, 7]), /written: 7: must be an integer in 0\.\.6/],
    [() => build(chain(2), [1, 2, 3]), /written: 3: there are 2 gates/],
    [() => sample(1, { epsilon: 1.5 }), /actor\.epsilon: 1\.5: must lie in 0\.\.1/],
    [() => environment.exactValue(build(chain(2)), { epsilon: NaN }), /actor\.epsilon: NaN/],
    [() => environment.maxLengths({ min: 3, max: 2 }), /difficulty: "3\.\.2": must be integers/],
    [
      () => sample(1, { split: "test" }, new CircuitEnvironment({ heldOutFraction: 0 })),
      /split: "test": found no circuit in 20000 draws \(heldOutFraction 0\)/,
    ],
  ];
  for (const [act, message] of cases) assert.throws(act, { name: "UsageError", message });
});
