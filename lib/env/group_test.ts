import assert from "node:assert/strict";
import { createGroup, type FiniteGroup } from "./group.ts";

const groups: [string, number, number][] = [
  ["Z2", 2, 1],
  ["Z7", 7, 3],
  ["Z120", 120, 60],
  ["S3", 6, 2],
  ["S4", 24, 4],
  ["A5", 60, 6],
  ["S5", 120, 7],
];

for (const [name, order, diameter] of groups) {
  Deno.test(`${name} has ${order} elements and diameter ${diameter}`, () => {
    const group = createGroup(name);
    assert.equal(group.order, order);
    assert.equal(group.diameter, diameter);
    assert.equal(new Set(group.elementNames).size, order);
    assert.equal(new Set(group.distances).size, diameter + 1);
  });

  Deno.test(`${name} obeys the group laws`, () => {
    const group = createGroup(name);
    const times = (a: number, b: number) => group.products[a * order + b]!;
    for (let a = 0; a < order; a++) {
      assert.equal(times(0, a), a);
      assert.equal(times(a, 0), a);
      assert.equal(times(a, group.inverses[a]!), 0);
      assert.equal(times(group.inverses[a]!, a), 0);
      for (let b = 0; b < order; b++) {
        const [p, q] = [group.permutation(a), group.permutation(b)];
        // First a, then b.
        assert.deepEqual(group.permutation(times(a, b)), p.map((x) => q[x]!));
      }
    }
    // Associativity on a sample: all triples of S5 would be 1.7 million.
    for (let i = 0; i < 5000; i++) {
      const [a, b, c] = [i * 7 % order, i * 11 % order, i * 13 % order];
      assert.equal(times(times(a, b), c), times(a, times(b, c)));
    }
  });

  Deno.test(`${name}: moves multiply by the generator, distances are shortest paths`, () => {
    const group = createGroup(name);
    const width = group.generators.length;
    for (let s = 0; s < order; s++) {
      const nexts = group.generators.map((g, j) => {
        const next = group.moves[s * width + j]!;
        assert.equal(next, group.products[s * order + g.element]);
        return group.distances[next]!;
      });
      assert.equal(group.distances[s], s === 0 ? 0 : 1 + Math.min(...nexts));
    }
    assert.equal(group.distances.filter((d) => d === 0).length, 1);
  });
}

Deno.test("S5's generators are (01), (23), the rotation x -> x + 1 and its inverse", () => {
  const group = createGroup("S5");
  assert.deepEqual(images(group), {
    "(01)": [1, 0, 2, 3, 4],
    "(23)": [0, 1, 3, 2, 4],
    "rot": [1, 2, 3, 4, 0],
    "rot^-1": [4, 0, 1, 2, 3],
  });
  // A table made by hand: rot then (01) sends 0 -> 1 -> 0, 1 -> 2, 2 -> 3, 3 -> 4, 4 -> 0 -> 1.
  const [rot, swap] = ["rot", "(01)"].map((n) =>
    group.generators.find((g) => g.name === n)!.element
  );
  const product = group.products[rot! * 120 + swap!]!;
  assert.equal(group.elementNames[product], "(1234)");
});

Deno.test("Z_n adds residues", () => {
  const group = createGroup("Z7", [3, "-1"]);
  assert.deepEqual(group.generators.map((g) => g.name), ["+3", "-1"]);
  for (let a = 0; a < 7; a++) {
    for (let b = 0; b < 7; b++) {
      const sum = (Number(group.elementNames[a]) + Number(group.elementNames[b])) % 7;
      assert.equal(group.elementNames[group.products[a * 7 + b]!], String(sum));
    }
  }
});

Deno.test("Z120 with four generators is comparable to S5", () => {
  const group = createGroup("Z120", [1, -1, 11, -11]);
  assert.equal(group.generators.length, 4);
  assert.equal(group.diameter, 10);
});

Deno.test("distances lead to the identity even without inverse generators", () => {
  const group = createGroup("Z5", [1]);
  const distance = Object.fromEntries(group.elementNames.map((n, i) => [n, group.distances[i]]));
  assert.deepEqual(distance, { 0: 0, 1: 4, 2: 3, 3: 2, 4: 1 });
});

Deno.test("cycles may hold spaces and several cycles", () => {
  const group = createGroup("S4", ["(0 1)(2 3)", "(0123)", "(01)"]);
  assert.deepEqual(images(group)["(01)(23)"], [1, 0, 3, 2]);
});

Deno.test("the largest cyclic group is built at once", () => {
  assert.equal(createGroup("Z512").diameter, 256);
});

Deno.test("errors name the field, the value and the choices", () => {
  const cases: [string, (string | number)[] | undefined, string][] = [
    ["S6", undefined, 'group: "S6": choose S3, S4, A5, S5 or Z<n> with n in 2..512'],
    ["Z1", undefined, 'group: "Z1": choose S3, S4, A5, S5 or Z<n> with n in 2..512'],
    ["Z513", undefined, 'group: "Z513": choose S3, S4, A5, S5 or Z<n> with n in 2..512'],
    ["toString", undefined, 'group: "toString": choose S3, S4, A5, S5 or Z<n> with n in 2..512'],
    ["Z6", [2, 4], 'generators: "+2, -2": Z6 has 6 elements, these reach 3; add a generator'],
    ["S5", ["(01)"], 'generators: "(01)": S5 has 120 elements, these reach 2; add a generator'],
    [
      "A5",
      ["(01)"],
      'generators: "(01)": A5 holds only even permutations, such as (012) or (01)(23)',
    ],
    ["S3", ["(03)"], 'generators: "(03)": the points of S3 are 0..2'],
    ["S3", ["(00)"], 'generators: "(00)": point 0 may occur only once'],
    [
      "S3",
      ["swap"],
      'generators: "swap": a generator of S3 is written in cycles, such as (01)(23), or rot or rot^-1',
    ],
    ["Z6", ["rot"], 'generators: "rot": a generator of Z6 is an integer such as 1 or -1'],
    ["Z6", [1, 7], 'generators: "+1": is the same as +1; leave one out'],
    ["S3", ["rot", "(012)"], 'generators: "(012)": is the same as rot; leave one out'],
    ["Z6", [6], 'generators: "+0": is the identity; leave it out'],
  ];
  for (const [name, generators, message] of cases) {
    assert.throws(() => createGroup(name, generators), { name: "UsageError", message });
  }
});

function images(group: FiniteGroup): Record<string, readonly number[]> {
  return Object.fromEntries(group.generators.map((g) => [g.name, group.permutation(g.element)]));
}
