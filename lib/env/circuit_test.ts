import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { describeTrace } from "./describe_trace.ts";
import { type CircuitConfigInput, CircuitEnvironment, type CircuitState } from "./circuit.ts";
import { type Circuit, type Gate, OPERATIONS } from "./circuit_program.ts";
import { positionId } from "./environment.ts";
import { sampleStates } from "./sampling.ts";
import { moments, sampler } from "./testing.ts";

const environment = new CircuitEnvironment();
const actor = { epsilon: 0.2 };

const sample = sampler(environment, { ...actor, purpose: "circuit-test" });

/** Operands: gate j is j, the constant v is ~v. */
function gate(name: string, a: number, b: number, c = ~0): Gate {
  return { op: OPERATIONS.findIndex((operation) => operation.name === name), a, b, c };
}

/** The operations, written down a second time. */
function result({ op, a, b, c }: Gate, values: readonly number[], p: number): number {
  const [x, y, z] = [a, b, c].map((operand) => operand < 0 ? -1 - operand : values[operand]!);
  switch (OPERATIONS[op]!.name) {
    case "add":
      return (x! + y!) % p;
    case "sub":
      return (y! - x! + p) % p;
    case "mix":
      return (3 * x! + y! + 1) % p;
    case "low":
      return z! < (p - 1) / 2 ? x! : y!;
    case "even":
      return [0, 2, 4, 6, 8, 10, 12].includes(z!) ? x! : y!;
    default:
      return z! > 0 ? y! : x!;
  }
}

/** Gate values if the actor goes on from `written` without a slip. */
function follow(circuit: Circuit, written: readonly number[], p: number): number[] {
  const values = [...written];
  for (const g of circuit.slice(written.length)) values.push(result(g, values, p));
  return values;
}

/** By hand modulo 7: g0 = 3 + 6 = 2, g1 = 6 as 2 is low, g2 = 3 * 2 + 6 + 1 = 6. */
const byHand: Circuit = [gate("add", ~3, ~6), gate("low", ~6, ~0, 0), gate("mix", 0, 1)];

Deno.test("programs are in topological order, with every gate read within reach, in bounded width", () => {
  const configs: CircuitConfigInput[] = [
    {},
    { maxWidth: 2, maxReach: 1 },
    { maxWidth: 2, maxReach: 9 },
    { maxWidth: 5, maxReach: 3, minGates: 1, maxGates: 12, modulus: 5 },
  ];
  for (const config of configs) {
    const env = new CircuitEnvironment(config);
    const { modulus, minGates, maxGates, maxReach } = env.config;
    for (const state of sample(1000, {}, env)) {
      const { circuit } = state;
      assert.ok(circuit.length >= minGates && circuit.length <= maxGates);
      const read = new Set<number>();
      circuit.forEach(({ op, a, b, c }, i) => {
        const operands = OPERATIONS[op]!.arity === 3 ? [a, b, c] : [a, b];
        if (OPERATIONS[op]!.arity === 2) assert.equal(c, ~0);
        const gates = operands.filter((x) => x >= 0);
        assert.equal(new Set(gates).size, gates.length);
        assert.ok(OPERATIONS[op]!.arity === 2 || gates.length === 0 || c >= 0);
        assert.ok(operands.every((x) => x < i && i - x <= (x < 0 ? i + modulus : maxReach)));
        gates.forEach((x) => read.add(x));
      });
      for (let g = 0; g < circuit.length - 1; g++) assert.ok(read.has(g), `gate ${g} is not read`);
      // `state` refuses a circuit that is wider than maxWidth.
      assert.deepEqual(env.state(circuit, state.written), state);
      assert.ok(state.written.length < circuit.length);
    }
  }
});

Deno.test("programs reach the greatest width, and use every operation and operand", () => {
  const alive = (circuit: Circuit) =>
    circuit.map((_, i) =>
      circuit.slice(0, i + 1).filter((_, g) =>
        circuit.slice(i + 1).some(({ a, b, c }) => [a, b, c].includes(g))
      ).length
    );
  const states = sample(2000);
  assert.equal(Math.max(...states.flatMap(({ circuit }) => alive(circuit))), 2);
  const seen = new Set<string>();
  for (const { circuit } of states) {
    for (const token of environment.criticPrompt({ circuit, written: [] }, {})) {
      seen.add(environment.vocabulary.names[token]!);
    }
  }
  for (const slot of ["a", "b", "c"]) {
    for (const operand of ["=0", "=1", "=2", "=3", "=4", "=5", "=6", "-1", "-2"]) {
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
          if (values.length === circuit.length) {
            return values.at(-1) === target ? 1 : 0;
          }
          const next = result(circuit[values.length]!, values, p);
          let sum = 0;
          for (let v = 0; v < p; v++) {
            const chance = v === next ? 1 - epsilon : epsilon / (p - 1);
            if (chance > 0) sum += chance * tree([...values, v]);
          }
          return sum;
        };
        const value = env.exactValue({ circuit, written }, { epsilon });
        assert.ok(Math.abs(value - tree([...written])) < 1e-12);
      }
    }
  }
});

Deno.test("the exact value leaves out gates that nothing needs, wherever they stand", () => {
  // Only g3, which nothing reads, reads g1 and g2; the output needs g0 and g4.
  const circuit: Circuit = [
    gate("add", ~1, ~2),
    gate("add", 0, ~3),
    gate("sub", 0, ~4),
    gate("low", 1, 2, 2),
    gate("mix", 0, ~1),
    gate("add", 4, 0),
  ];
  const needed: Circuit = [gate("add", ~1, ~2), gate("mix", 0, ~1), gate("add", 1, 0)];
  const narrow = new CircuitEnvironment({ maxWidth: 2, maxReach: 5 });
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
  const hidden = byHand.slice(0, 2);
  const value = (written: number[]) =>
    environment.exactValue(environment.state(hidden, written), { epsilon: 0.1 });
  // g0 = 2 is right; 0 is as low as 2, so g1 picks the same operand; 3 is not.
  assert.ok(Math.abs(value([2]) - 0.9) < 1e-15);
  assert.ok(Math.abs(value([0]) - 0.9) < 1e-15);
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

Deno.test("with the defaults values have the stated mean and variance", () => {
  const values = sample(20_000).map((state) => environment.exactValue(state, actor));
  const { mean, variance } = moments(values);
  assert.ok(Math.abs(mean - 0.538) < 0.01, `mean ${mean}`);
  assert.ok(Math.abs(variance - 0.065) < 0.003, `variance ${variance}`);
});

Deno.test("the actor slips with probability epsilon, to each other value equally often", () => {
  const counts = new Array<number>(7).fill(0);
  let total = 0;
  for (const { circuit, written } of sample(4000, { epsilon: 0.3 })) {
    written.forEach((v, i) => {
      const k = (v - result(circuit[i]!, written, 7) + 7) % 7;
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
  for (let n = 3; n <= 6; n++) {
    const some = states.filter(({ circuit }) => circuit.length === n);
    assert.ok(Math.abs(some.length - 2000) < 4 * Math.sqrt(8000 * 0.25 * 0.75), `${n} gates`);
    for (let k = 0; k < n; k++) {
      const count = some.filter(({ written }) => written.length === k).length;
      const expected = some.length / n;
      assert.ok(Math.abs(count - expected) < 4.5 * Math.sqrt(expected), `${k} of ${n}: ${count}`);
    }
  }
});

Deno.test("the prompt is header, problem, SEP, response, check, Q", () => {
  const read = (written: number[], context = {}) =>
    environment.vocabulary.render(environment.criticPrompt({ circuit: byHand, written }, context));
  assert.equal(
    read([2]),
    "R? L2 - add a=3 b=6 w? c-1 low a=6 b=0 w? - mix a-2 b-1 w? " +
      "SEP goal add a=3 b=6 w2 c-1 low a=6 b=0 w? goal mix a-2 b-1 w? " +
      "goal sub goal b-1 w? Q",
  );
  assert.match(read([2, 6, 2], { successRate: 0.66 }), /^R7 L0 .* mix a-2 b-1 w2 goal sub /);
});

Deno.test("the trace has the right values, then those that follow, then their difference", () => {
  const read = (written: number[]) =>
    environment.vocabulary.render(environment.reasoningTrace({ circuit: byHand, written }));
  const steps = (none: string) =>
    `${none} do-add term=3 term=6 =2 C=2 pick-a take=6 skip =6 ${none} do-mix term=0 term=6 =6`;
  assert.equal(
    read([]),
    `${steps("no-C")} goal=6 ${steps("goal=6")} goal=6 do-sub term=1 term=6 =0 right3`,
  );
  // With 5 in place of 2, g1 picks 0, and g2 = 15 + 0 + 1 = 2, which is 3 more than 6.
  assert.equal(
    read([5]),
    `${steps("no-C")} goal=6 goal=6 do-add term=3 term=6 =5 C=5 pick-b skip take=0 =0 ` +
      "goal=6 do-mix term=2 term=0 =2 goal=6 do-sub term=1 term=2 =3 wrong2",
  );
  // A second slip, at g1, may repair the output: 15 + y + 1 = 6 for y = 4.
  assert.match(read([5, 4]), / take=0 =4 goal=6 do-mix term=2 term=4 =6 .* =0 right1$/);
  for (const { circuit, written } of sample(300)) {
    const names = environment.reasoningTrace({ circuit, written })
      .map((token) => environment.vocabulary.names[token]!);
    const n = circuit.length;
    const values = [follow(circuit, [], 7), follow(circuit, written, 7)] as const;
    values.forEach((all, half) =>
      circuit.forEach((g, i) => {
        const [c, does, first, second, value] = names.slice(half * (5 * n + 1) + 5 * i);
        const operand = (x: number) => x < 0 ? -1 - x : all[x]!;
        const number = (token: string) => Number(token.replace(/^.*=/, ""));
        assert.equal(value, `=${all[i]}`);
        const selects = OPERATIONS[g.op]!.arity === 3;
        const none = half === 0 ? "no-C" : `goal=${values[0].at(-1)}`;
        assert.equal(c, selects ? `C=${operand(g.c)}` : none);
        const expected = result(g, all, 7);
        if (!selects) {
          assert.equal(does, `do-${OPERATIONS[g.op]!.name}`);
          assert.equal((number(first!) + number(second!)) % 7, expected);
          assert.equal(second, `term=${operand(g.b)}`);
        } else if (does === "pick-a") {
          assert.deepEqual([first, second], [`take=${expected}`, "skip"]);
          assert.equal(expected, operand(g.a));
        } else {
          assert.deepEqual([does, first, second], ["pick-b", "skip", `take=${expected}`]);
          assert.equal(expected, operand(g.b));
        }
      })
    );
    const [right, followed] = values.map((all) => all.at(-1)!);
    assert.equal(names[5 * n], `goal=${right}`);
    assert.equal(names.at(-2), `=${(followed! - right! + 7) % 7}`);
    const verdict = right === followed ? "right" : "wrong";
    assert.equal(names.at(-1), `${verdict}${n - written.length}`);
  }
});

Deno.test("trace tokens and operands stand where the header says", () => {
  const { vocabulary, traceOffset } = environment;
  const { names } = vocabulary;
  for (const state of sample(200)) {
    const prompt = environment.criticPrompt(state, {});
    const trace = environment.reasoningTrace(state);
    const n = prompt.length;
    assert.equal(n, 2 + 10 * state.circuit.length + 1 + 5 + 1);
    assert.equal(trace.length, n - 2);
    const second = trace.findIndex((t) => names[t]!.startsWith("goal=")) + 1;
    trace.forEach((_, i) => {
      // Trace token i is written at traceOffset + 1 + i, predicted one before, and about prompt token 2 + i.
      const distance = positionId(n + i, n, traceOffset) - positionId(2 + i, n, traceOffset);
      assert.equal(distance, traceOffset - 2);
      const back = names[prompt[2 + i]!]!.match(/^c-(\d)$/);
      if (!back) return;
      // A control's value is the last of five tokens of the gate so many gates back.
      const start = i < second ? 0 : second;
      const value = start + Math.floor((i - start) / 5) * 5 + 4 - 5 * Number(back[1]);
      assert.equal(names[trace[i]!], `C${names[trace[value]!]}`);
    });
    assert.deepEqual(environment.promptLabels(state), [-1, -1, ...trace]);
  }
});

Deno.test("gates left saturate, so that longer circuits need no new tokens", () => {
  const options = { actor, split: "test" as const, difficulty: { min: 12, max: 12 } };
  const states = sampleStates(environment, { seed: 1, purpose: "long" }, 50, options);
  for (const state of states) {
    assert.equal(state.circuit.length, 12);
    const left = Math.min(12 - state.written.length, 6);
    const [, token] = environment.criticPrompt(state, {});
    assert.equal(environment.vocabulary.names[token!], `L${left}`);
    const digest = environment.vocabulary.names[environment.reasoningTrace(state).at(-1)!]!;
    assert.equal(digest.slice(5), `${left}`);
  }
});

Deno.test("a neural actor's response stands at a constant distance from the gates", () => {
  const { vocabulary, traceOffset } = environment;
  for (const state of sample(100)) {
    const prompt = environment.actorPrompt(state, { successRate: 0.5 });
    const think = prompt.indexOf(vocabulary.think);
    assert.equal(prompt.length, think + 1 + state.written.length);
    assert.deepEqual(
      prompt.slice(think + 1).map((t) => environment.writtenValue(t)),
      [...state.written],
    );
    // No written value shows before TH: it is the critic's prompt at the start of the episode, up to SEP.
    const start = environment.criticPrompt({ circuit: state.circuit, written: [] }, {
      successRate: 0.5,
    });
    assert.deepEqual(prompt.slice(0, think), start.slice(0, think));
    assert.equal(vocabulary.names[start[think]!], "SEP");
    state.circuit.forEach((_, i) => {
      // Gate i's value is predicted at TH or at the value before.
      const predicted = environment.actorPosition(think + i, state);
      assert.equal(predicted - environment.actorPosition(2 + 5 * i, state), traceOffset - 2);
    });
  }
});

Deno.test("writing token by token ends in the verifier's outcome", () => {
  let state = environment.state(byHand);
  assert.throws(() => environment.verify(state), /last gate is not written/);
  const write = (from: CircuitState, value: number) =>
    environment.act(from, environment.writtenToken(value));
  for (const value of [2, 6]) state = write(state, value);
  assert.deepEqual(state.written, [2, 6]);
  assert.equal(environment.verify(write(state, 6)), 1);
  assert.equal(environment.verify(write(state, 3)), 0);
  assert.throws(() => write(state, 7), /it writes no value/);
  assert.throws(() => write(write(state, 2), 2), /every gate is written/);
  assert.equal(environment.writtenValue(environment.writtenToken(6)), 6);
  const { vocabulary } = environment;
  for (const name of ["w?", "Q", "pick-a", "c-1", "goal"]) {
    assert.equal(environment.writtenValue(vocabulary.id(name)), undefined, name);
  }
});

Deno.test("rollouts continue the state to its end", () => {
  sample(200).forEach((state, row) => {
    const random = new RandomStream({ seed: 1, purpose: "end", row });
    const { reward, state: end } = environment.rollout(random, state, actor);
    assert.deepEqual(end.written.slice(0, state.written.length), state.written);
    assert.equal(end.written.length, state.circuit.length);
    assert.equal(reward, end.written.at(-1) === follow(state.circuit, [], 7).at(-1) ? 1 : 0);
  });
});

Deno.test("a tenth of the circuits is held out", () => {
  const all = new CircuitEnvironment({ heldOutFraction: 0 });
  const states = sample(10_000, {}, all);
  const heldOut = states.filter(({ circuit }) => environment.splitOf(circuit) === "test").length;
  assert.ok(Math.abs(heldOut - 1000) < 4 * Math.sqrt(900), `${heldOut} of 10000`);
  // The split depends on nothing but the program.
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
      "arithmetic  modulo 7",
      "g0          add(3, 6)         right 2  written 5",
      "g1          low(6, 0, g0)     right 6  follows 0",
      "g2          mix(g0, g1)       right 6  follows 2",
      "gates left  2 of 3",
    ].join("\n"),
  );
  const trace = [...environment.reasoningTrace(state)];
  trace[22] = environment.vocabulary.id("pick-a");
  const lines = describeTrace(environment, state, trace.slice(0, -1)).split("\n");
  assert.equal(lines[15], "goal              goal=6   right");
  assert.equal(lines[21], "written g1 c      C=5      right");
  assert.equal(lines[22], "written g1 op     pick-a   wrong, should be pick-b");
  assert.equal(lines.at(-2), "check value       =3       right");
  assert.equal(lines.at(-1), "output            nothing  wrong, should be wrong2");
});

Deno.test("bad configurations name field, value and remedy", () => {
  const cases: [CircuitConfigInput, RegExp][] = [
    [{ modulus: 6 as never }, /^UsageError: environment\.modulus: 6: .*5\|7\|11\|13/],
    [{ maxWidth: 1 }, /^UsageError: environment\.maxWidth: 1: Too small/],
    [{ maxReach: 0 }, /^UsageError: environment\.maxReach: 0: Too small/],
    [
      { maxGates: 13 },
      /^UsageError: environment\.traceOffset: 132: circuits of 13 gates make prompts of 139 tokens/,
    ],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => new CircuitEnvironment(config), message);
  }
});

Deno.test("bad states, actors and splits name field, value and remedy", () => {
  const build = (circuit: Circuit, written: number[] = []) => environment.state(circuit, written);
  const chain = (n: number) =>
    Array.from({ length: n }, (_, i) => gate("add", ~1, i === 0 ? ~2 : i - 1));
  const loose = [1, 2, 3].map((v) => gate("add", ~v, ~v));
  const cases: [() => unknown, RegExp][] = [
    [() => build([]), /difficulty: "0\.\.0": must be integers with 1 <= min <= max/],
    [() => build(chain(13)), /environment\.traceOffset: 132: /],
    [() => build([gate("max", ~0, ~1)]), /circuit\[0\]\.op: -1: must be an integer in 0\.\.5/],
    [
      () => build([gate("add", ~0, 0)]),
      /\[0\]\.b: 0: must be an earlier gate or a constant ~0\.\.~6/,
    ],
    [() => build([gate("add", ~7, ~0)]), /circuit\[0\]\.a: -8: must be an earlier gate or a const/],
    [() => build([gate("add", ~0, ~1, ~2)]), /circuit\[0\]\.c: -3: must be ~0: add has no control/],
    [
      () => build([...chain(4), gate("add", 1, 3)]),
      /circuit\[4\]\.a: 1: lies more than maxReach, 2, gates back/,
    ],
    [
      () => new CircuitEnvironment({ maxReach: 3 }).state([...loose, gate("low", 0, 1, 2)]),
      /environment\.maxWidth: 2: the circuit's width is 3; raise it/,
    ],
    [() => build(chain(2), [1, 7]), /written: 7: must be an integer in 0\.\.6/],
    [() => build(chain(2), [1, 2, 3]), /written: 3: there are 2 gates/],
    [() => sample(1, { epsilon: 1.5 }), /actor\.epsilon: 1\.5: must lie in 0\.\.1/],
    [() => environment.exactValue(build(chain(2)), { epsilon: NaN }), /actor\.epsilon: NaN/],
  ];
  for (const [act, message] of cases) assert.throws(act, { name: "UsageError", message });
});
