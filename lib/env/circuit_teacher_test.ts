import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { CircuitEnvironment } from "./circuit.ts";
import { OPERATIONS, operationTable } from "./circuit_program.ts";
import { circuitTeacher, TaughtTable } from "./circuit_teacher.ts";

const stream = (purpose: string, row: number) =>
  new RandomStream({ seed: 3, purpose: `task-test/${purpose}`, row });

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
