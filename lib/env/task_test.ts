/** What every task environment promises to an actor that is a language model. */
import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { CircuitEnvironment } from "./circuit.ts";
import { OPERATIONS, operationTable } from "./circuit_program.ts";
import { circuitTeacher, TaughtTable } from "./circuit_teacher.ts";
import { SatEnvironment } from "./sat.ts";
import type { TaskEnvironment } from "./task.ts";

// deno-lint-ignore no-explicit-any
type Any = any;
const tasks: TaskEnvironment<Any, Any, Any>[] = [
  new CircuitEnvironment({ modulus: 5 }),
  new SatEnvironment({ minVariables: 4, maxVariables: 6 }),
];
const stream = (purpose: string, row: number) =>
  new RandomStream({ seed: 3, purpose: `task-test/${purpose}`, row });

for (const environment of tasks) {
  const problems = Array.from(
    { length: 40 },
    (_, row) => environment.problem(stream("problems", row), { split: row % 2 ? "test" : "train" }),
  );

  Deno.test(`${environment.name}: each action appends its token to the prompt, until the response is complete`, () => {
    problems.forEach((problem, row) => {
      const random = stream("actions", row);
      let state = problem, left = environment.stepsLeft(problem);
      assert.ok(left > 0);
      while (left > 0) {
        assert.throws(() => environment.verify(state), RangeError);
        const token = random.choice(environment.actionTokens);
        const next = environment.act(state, token);
        assert.deepEqual(environment.actorPrompt(next), [...environment.actorPrompt(state), token]);
        assert.equal(environment.stepsLeft(next), --left);
        state = next;
      }
      assert.ok(environment.actorPrompt(state).length <= environment.maxActorLength);
      assert.ok([0, 1].includes(environment.verify(state)));
      assert.throws(() => environment.act(state, environment.actionTokens[0]!), RangeError);
      assert.throws(() => environment.act(problem, environment.vocabulary.think), RangeError);
      const n = environment.actorPrompt(state).length;
      const positions = Array.from({ length: n }, (_, i) => environment.actorPosition(i, state));
      assert.ok(positions.every((p, i) => i === 0 || p > positions[i - 1]!));
    });
  });

  Deno.test(`${environment.name}: the expert always succeeds, and its value says whether it still can`, () => {
    problems.forEach((problem, row) => {
      const random = stream("expert", row);
      assert.equal(environment.rollout(random, problem, environment.expert).reward, 1);
      assert.equal(environment.exactValue(problem, environment.expert), 1);
      const state = environment.act(problem, random.choice(environment.actionTokens));
      const { reward } = environment.rollout(random, state, environment.expert);
      assert.equal(environment.exactValue(state, environment.expert), reward);
    });
  });

  Deno.test(`${environment.name}: the expert teacher always succeeds, and its chain is the right one`, () => {
    const perfect = environment.expertTeacher;
    problems.forEach((problem, row) => {
      const tokens = environment.demonstration(stream("teacher", row), problem, perfect);
      assert.equal(tokens.length, environment.stepsLeft(problem));
      const middle = environment.act(problem, tokens[0]!);
      const end = tokens.reduce((state, token) => environment.act(state, token), problem);
      assert.equal(environment.verify(end), 1);
      const trace = environment.teacherTrace(stream("trace", row), middle, perfect);
      assert.deepEqual(trace, environment.reasoningTrace(middle));
    });
  });
}

Deno.test("a demonstration has the frequencies that its teacher states", () => {
  const circuits = new CircuitEnvironment({ modulus: 5, minGates: 1, maxGates: 1 });
  for (
    const input of [
      { kind: "slips", epsilon: 0.3 },
      { kind: "mode-right", fraction: 1 },
      { kind: "flawed-table", fraction: 0.5 },
    ]
  ) {
    const teacher = circuitTeacher.parse(input);
    const problem = circuits.problem(stream("one gate", 1), { split: "train" });
    const { op, a, b, c } = problem.circuit[0]!;
    const index = ((op * 5 + ~a) * 5 + ~b) * 5 + ~c;
    const expected = new TaughtTable(teacher, 5).distribution(index);
    const n = 4000, counts = new Array<number>(5).fill(0);
    for (let row = 0; row < n; row++) {
      const [token] = circuits.demonstration(stream("frequencies", row), problem, teacher);
      const value = circuits.writtenValue(token!)!;
      counts[value] = counts[value]! + 1;
    }
    expected.forEach((p, v) => {
      const bound = 4 * Math.sqrt(p * (1 - p) / n) + 1e-12;
      assert.ok(Math.abs(counts[v]! / n - p) <= bound, `${input.kind}: ${counts[v]! / n}, ${p}`);
    });
  }
});

Deno.test("tables: the stated fraction is hard, modes are right or wrong as stated, unread operands do not matter", () => {
  const p = 7, right = operationTable(p);
  const hard = (kind: string) => {
    const table = new TaughtTable(circuitTeacher.parse({ kind, fraction: 0.25, seed: 2 }), p);
    let hard = 0, entries = 0;
    for (let k = 0; k < right.length; k++) {
      const q = table.distribution(k), total = q.reduce((a, b) => a + b);
      assert.ok(Math.abs(total - 1) < 1e-12);
      const two = OPERATIONS[Math.floor(k / p ** 3)]!.arity === 2;
      if (two) assert.deepEqual(q, table.distribution(k - k % p));
      if (two && k % p > 0) continue;
      entries++;
      const mode = q.indexOf(Math.max(...q));
      if (q[right[k]!]! < 1) hard++;
      if (kind === "mode-right") assert.equal(mode, right[k]);
      if (kind === "flawed-table" && q[right[k]!]! < 1) assert.notEqual(mode, right[k]);
    }
    return [hard, entries] as const;
  };
  for (const kind of ["mode-right", "flawed-table"]) {
    const [k, n] = hard(kind);
    assert.ok(Math.abs(k / n - 0.25) < 4 * Math.sqrt(0.25 * 0.75 / n), `${kind}: ${k} of ${n}`);
  }
});
