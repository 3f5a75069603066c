import assert from "node:assert/strict";
import { RandomStream } from "../numeric/random.ts";
import { describeTrace } from "./describe_trace.ts";
import { type CriticContext, positionId } from "./environment.ts";
import {
  type PermutationConfigInput,
  PermutationEnvironment,
  type PermutationState,
} from "./permutation.ts";
import { sampleStates } from "./sampling.ts";
import { moments, sampler } from "./testing.ts";

const environment = new PermutationEnvironment();
const actor = { epsilon: 0.3 };

const purpose = "permutation-test";
const sample = sampler(environment, { ...actor, purpose });

Deno.test("states are undecided, within the configured ranges, in their split", () => {
  for (const split of ["train", "test"] as const) {
    for (const state of sample(2000, { split })) {
      assert.ok(state.word.length >= 6 && state.word.length <= 10);
      assert.ok(state.moves.length <= 3);
      assert.equal(state.stepsLeft, 6 - state.moves.length);
      assert.notEqual(state.element, 0);
      assert.equal(environment.splitOf(state.word), split);
    }
  }
});

Deno.test("the composite is that of the arrays of images, applied first to last", () => {
  // Independent of the group's tables: each generator moves the content of five cells.
  const images: Record<string, number[]> = {
    "(01)": [1, 0, 2, 3, 4],
    "(23)": [0, 1, 3, 2, 4],
    "rot": [1, 2, 3, 4, 0],
    "rot^-1": [4, 0, 1, 2, 3],
  };
  const names = environment.group.generators.map((g) => g.name);
  for (const state of sample(500)) {
    let points = [0, 1, 2, 3, 4];
    for (const g of [...state.word, ...state.moves]) {
      points = points.map((x) => images[names[g]!]![x]!);
    }
    assert.deepEqual(environment.group.permutation(state.element), points);
  }
});

Deno.test("word lengths and numbers of moves are about uniform", () => {
  const states = sample(8000);
  const lengths = [6, 7, 8, 9, 10].map((n) => states.filter((s) => s.word.length === n).length);
  const moves = [0, 1, 2, 3].map((n) => states.filter((s) => s.moves.length === n).length);
  // Redrawing solved states shifts lengths by a percent or two; moves are exact.
  lengths.forEach((n) => assert.ok(Math.abs(n - 1600) < 200, `lengths ${lengths}`));
  moves.forEach((n) =>
    assert.ok(Math.abs(n - 2000) < 4 * Math.sqrt(2000 * 0.75), `moves ${moves}`)
  );
});

Deno.test("with the defaults values have the stated mean and variance", () => {
  const values = sample(20_000, { split: "test" }).map((s) => environment.exactValue(s, actor));
  const { mean, variance } = moments(values);
  assert.ok(Math.abs(mean - 0.655) < 0.01, `mean ${mean}`);
  assert.ok(Math.abs(variance - 0.063) < 0.005, `variance ${variance}`);
});

Deno.test("the exact value of a small case computed by hand", () => {
  // Z3 with +1 and -1, one move away from 0: one generator solves, the other leads to the other
  // element. V(1) = 1 - e/2, V(2) = 1 - e/2 + e/2 V(1) = 1 - e^2/4, V(t) = 1 - (e/2)^t.
  const z3 = new PermutationEnvironment({ group: "Z3", maxMoves: 4, maxMovesBefore: 0 });
  for (const epsilon of [0, 0.25, 0.5, 1]) {
    for (const word of [["+1"], ["-1"]]) {
      const state = z3.state(word);
      for (let stepsLeft = 0; stepsLeft <= 4; stepsLeft++) {
        const value = z3.exactValue({ ...state, stepsLeft }, { epsilon });
        assert.ok(Math.abs(value - (1 - (epsilon / 2) ** stepsLeft)) < 1e-15);
      }
    }
  }
});

Deno.test("with an epsilon of its own far from the identity, the value computed by hand", () => {
  // Z5 with +1 and -1; far: distance 2. From 1 the walk solves with 1 - e/2, else is at 2; from 2 it
  // comes to 1 with 1 - f/2, else to 3, which is as far as 2. With n(t), f(t) for near and far:
  // n(t) = 1 - e/2 + e/2 f(t-1), f(t) = (1 - f/2) n(t-1) + f/2 f(t-1), n(0) = f(0) = 0.
  const z5 = new PermutationEnvironment({ group: "Z5", maxMoves: 4, maxMovesBefore: 0 });
  for (const [e, f] of [[0, 0.5], [0.5, 0], [0.2, 0.9]] as const) {
    let near = 0, far = 0;
    for (let stepsLeft = 0; stepsLeft <= 4; stepsLeft++) {
      const actor = { epsilon: e, far: { distance: 2, epsilon: f } };
      for (const [word, expected] of [[["+1"], near], [["-1", "-1"], far]] as const) {
        const value = z5.exactValue({ ...z5.state(word), stepsLeft }, actor);
        assert.ok(Math.abs(value - expected) < 1e-15, `${value}, by hand ${expected}`);
      }
      [near, far] = [1 - e / 2 + e / 2 * far, (1 - f / 2) * near + f / 2 * far];
    }
  }
});

Deno.test("an actor whose far epsilon is the near one, or for whom nothing is far, is the plain one", () => {
  for (const far of [{ distance: 3, epsilon: 0.3 }, { distance: 8, epsilon: 1 }]) {
    const options = { actor: { ...actor, far }, split: "train" } as const;
    const same = sampleStates(environment, { seed: 1, purpose }, 50, options);
    sample(50).forEach((state, i) => {
      assert.deepEqual(same[i], state);
      const value = environment.exactValue(state, { ...actor, far });
      assert.equal(value, environment.exactValue(state, actor));
    });
  }
});

Deno.test("with several moves closer, each is equally likely", () => {
  // Z4, +1 and -1, at 2: both moves are closer, so V(2 steps) = V(1 step at distance 1) = 1 - e/2.
  const z4 = new PermutationEnvironment({ group: "Z4", maxMoves: 2, maxMovesBefore: 0 });
  const value = z4.exactValue(z4.state(["+1", "+1"]), { epsilon: 0.4 });
  assert.ok(Math.abs(value - 0.8) < 1e-15);
  const firstMoves = [0, 0];
  for (let row = 0; row < 4000; row++) {
    const random = new RandomStream({ seed: 1, purpose: "ties", row });
    const { state } = z4.rollout(random, z4.state(["+1", "+1"]), { epsilon: 0 });
    firstMoves[state.moves[0]!]!++;
  }
  assert.ok(Math.abs(firstMoves[0]! - 2000) < 4 * Math.sqrt(1000), `${firstMoves}`);
});

Deno.test("the exact value is that of the tree of all move sequences", () => {
  const { group } = environment;
  const tree = (element: number, stepsLeft: number, epsilon: number): number => {
    if (element === 0) return 1;
    if (stepsLeft === 0) return 0;
    const nexts = group.generators.map((g) => group.products[element * group.order + g.element]!);
    const closer = nexts.filter((s) => group.distances[s]! < group.distances[element]!);
    return nexts.reduce((sum, s) => {
      const chance = epsilon / nexts.length +
        (closer.includes(s) ? (1 - epsilon) / closer.length : 0);
      return chance === 0 ? sum : sum + chance * tree(s, stepsLeft - 1, epsilon);
    }, 0);
  };
  for (const epsilon of [0, 0.3, 1]) {
    for (const state of sample(20)) {
      const value = environment.exactValue(state, { epsilon });
      assert.ok(Math.abs(value - tree(state.element, state.stepsLeft, epsilon)) < 1e-12);
    }
  }
});

Deno.test("the exact value agrees with rollouts of the actor", () => {
  const episodes = 4000;
  const configs: PermutationConfigInput[] = [{}, { group: "A5" }, { group: "Z12", maxMoves: 4 }];
  for (const config of configs) {
    const env = new PermutationEnvironment(config);
    const actors = [
      ...[0.1, 0.3, 0.7].map((epsilon) => ({ epsilon })),
      { epsilon: 0.1, far: { distance: 2, epsilon: 0.8 } },
    ];
    for (const actor of actors) {
      const states = sampleStates(env, { seed: 1, purpose }, 4, { actor, split: "train" });
      states.forEach((state, i) => {
        let sum = 0;
        for (let row = 0; row < episodes; row++) {
          const random = new RandomStream({ seed: 1, purpose: "rollout", step: i, row });
          const { reward, state: end } = env.rollout(random, state, actor);
          assert.equal(reward, end.element === 0 ? 1 : 0);
          sum += reward;
        }
        const exact = env.exactValue(state, actor);
        // Four standard errors; the constant covers values next to 0 or 1.
        const tolerance = 4 * Math.sqrt(exact * (1 - exact) / episodes) + 1 / episodes;
        const found = sum / episodes;
        assert.ok(
          Math.abs(found - exact) < tolerance,
          `${env.group.name}: ${found}, exact ${exact}`,
        );
      });
    }
  }
});

Deno.test("at epsilon 0 the value says whether the distance fits into the steps left", () => {
  for (const state of sample(300)) {
    const fits = environment.group.distances[state.element]! <= state.stepsLeft;
    assert.equal(environment.exactValue(state, { epsilon: 0 }), fits ? 1 : 0);
  }
});

Deno.test("at epsilon 1 the value is the random walk's chance to hit the identity", () => {
  const { group } = environment;
  // A forward pass over distributions, where the table is a backward pass over values.
  for (const state of sample(20)) {
    let chances = new Map([[state.element, 1]]);
    for (let t = 0; t < state.stepsLeft; t++) {
      const next = new Map<number, number>();
      for (const [s, chance] of chances) {
        const targets = s === 0
          ? [0, 0, 0, 0]
          : group.generators.map((g) => group.products[s * group.order + g.element]!);
        for (const to of targets) next.set(to, (next.get(to) ?? 0) + chance / 4);
      }
      chances = next;
    }
    const value = environment.exactValue(state, { epsilon: 1 });
    assert.ok(Math.abs(value - (chances.get(0) ?? 0)) < 1e-14);
  }
});

Deno.test("the value falls with epsilon and rises with steps left", () => {
  for (const state of sample(100)) {
    const byEpsilon = [0.1, 0.3, 0.5].map((epsilon) => environment.exactValue(state, { epsilon }));
    const fits = environment.group.distances[state.element]! <= state.stepsLeft;
    if (fits) assert.ok(byEpsilon[0]! > byEpsilon[1]! && byEpsilon[1]! > byEpsilon[2]!);
    const bySteps = [2, 4, 6].map((stepsLeft) =>
      environment.exactValue({ ...state, stepsLeft }, actor)
    );
    assert.ok(bySteps[0]! <= bySteps[1]! && bySteps[1]! <= bySteps[2]!);
  }
});

Deno.test("values do not depend on how many actors were asked about before", () => {
  const [state] = sample(1);
  const before = environment.exactValue(state!, actor);
  for (let i = 0; i < 600; i++) environment.exactValue(state!, { epsilon: i / 600 });
  assert.equal(environment.exactValue(state!, actor), before);
});

Deno.test("a tenth of the words is held out, evenly over lengths, disjoint from training", () => {
  for (const length of [6, 7, 8]) {
    const total = 4 ** length;
    let heldOut = 0;
    for (let code = 0; code < total; code++) {
      const word = Array.from({ length }, (_, i) => (code >> (2 * i)) & 3);
      if (environment.splitOf(word) === "test") heldOut++;
    }
    // Five standard deviations of a fair hash.
    assert.ok(
      Math.abs(heldOut - total / 10) < 5 * Math.sqrt(total * 0.09),
      `${heldOut} of ${total}`,
    );
  }
  const words = (split: "train" | "test") =>
    new Set(sample(5000, { split }).map((s) => s.word.join("")));
  assert.equal(words("train").intersection(words("test")).size, 0);
});

Deno.test("the split of a word does not depend on seed, group size or ranges", () => {
  const other = new PermutationEnvironment({
    group: "A5",
    minLength: 3,
    maxLength: 20,
    maxMoves: 9,
  });
  for (const { word } of sample(200)) assert.equal(other.splitOf(word), environment.splitOf(word));
});

Deno.test("the prompt is header, word, SEP, moves, Q", () => {
  const state = environment.state(["rot", "(01)", "rot^-1"], ["(23)"]);
  const { vocabulary } = environment;
  const read = (context: { successRate?: number }) =>
    vocabulary.render(environment.criticPrompt(state, context));
  assert.equal(read({}), "R? T5 rot (01) rot^-1 SEP (23) Q");
  assert.equal(read({ successRate: 0.66 }), "R7 T5 rot (01) rot^-1 SEP (23) Q");
});

Deno.test("the trace is the running product of every symbol, then the distance", () => {
  const { vocabulary, group } = environment;
  const state = environment.state(["rot", "(01)", "rot^-1"], ["(23)"]);
  const trace = environment.reasoningTrace(state);
  // By hand, images of 0..4: rot 12340; then (01): 02341; then rot^-1: 41230; SEP; then (23): 41320.
  assert.equal(
    vocabulary.render(trace),
    "=(01234) =(1234) =(04) =(04) =(04)(23) D" + distance(state),
  );
  for (const s of sample(500, { split: "test" })) {
    const tokens = environment.reasoningTrace(s);
    assert.equal(vocabulary.names[tokens.at(-2)!], `=${group.elementNames[s.element]}`);
    assert.equal(vocabulary.names[tokens.at(-1)!], `D${distance(s)}`);
    assert.equal(tokens.length, s.word.length + 1 + s.moves.length + 1);
    assert.equal(tokens[s.word.length], tokens[s.word.length - 1], "SEP repeats the product");
  }
  function distance(s: PermutationState): number {
    return group.distances[s.element]!;
  }
});

Deno.test("every trace token is predicted at a constant distance from the symbol it is about", () => {
  const { vocabulary, traceOffset } = environment;
  for (const state of sample(200)) {
    const prompt = environment.criticPrompt(state, {});
    const trace = environment.reasoningTrace(state);
    const value = vocabulary.valueToken(environment.exactValue(state, actor));
    const sequence = [...prompt, vocabulary.think, ...trace, value];
    const positions = sequence.map((_, i) => positionId(i, prompt.length, traceOffset));
    assert.equal(prompt.indexOf(vocabulary.query), prompt.length - 1);
    assert.equal(positions[prompt.length], traceOffset);
    assert.ok(positions.every((p, i) => i === 0 || p > positions[i - 1]!));
    // Token i of the trace is predicted at the token before it, and is about prompt token 2 + i.
    trace.forEach((_, i) => assert.equal(positions[prompt.length + i]! - positions[2 + i]!, 46));
    assert.ok(prompt.length <= environment.maxLengths().prompt);
    assert.ok(trace.length <= environment.maxLengths().trace);
  }
});

Deno.test("difficulty sets the word length", () => {
  const options = { actor, split: "test" as const, difficulty: { min: 15, max: 16 } };
  const states = sampleStates(environment, { seed: 1, purpose: "long" }, 200, options);
  assert.deepEqual(new Set(states.map((s) => s.word.length)), new Set([15, 16]));
});

Deno.test("progress is the share of moves made", () => {
  assert.equal(environment.progress(environment.state(["rot"])), 0);
  assert.equal(environment.progress(environment.state(["rot"], ["rot", "rot", "rot"])), 0.5);
});

Deno.test("rollouts continue the state, stop when solved, and take at most T moves", () => {
  sample(200).forEach((state, row) => {
    const random = new RandomStream({ seed: 1, purpose: "stop", row });
    const { reward, state: end } = environment.rollout(random, state, actor);
    assert.deepEqual(end.moves.slice(0, state.moves.length), state.moves);
    assert.ok(end.moves.length <= 6 && end.stepsLeft === 6 - end.moves.length);
    assert.ok(reward === 1 || end.stepsLeft === 0);
    // `state` refuses moves after the solution, so this also checks that there are none.
    const names = environment.group.generators.map((g) => g.name);
    const [word, moves] = [end.word, end.moves].map((w) => w.map((g) => names[g]!));
    assert.deepEqual(environment.state(word!, moves), end);
  });
});

Deno.test("describe shows word, moves, element, distance and steps left", () => {
  assert.equal(
    environment.describe(environment.state(["rot", "(01)", "rot^-1"], ["(23)"])),
    [
      "group       S5, 120 elements, identity e",
      "scramble    rot (01) rot^-1",
      "moves       (23)",
      "element     (04)(23)",
      "distance    4 of at most 7",
      "steps left  5 of 6",
    ].join("\n"),
  );
  assert.match(environment.describe(environment.state(["rot"])), /^moves {7}none$/m);
});

Deno.test("describeTrace tells right from wrong tokens, missing and surplus ones", () => {
  const state = environment.state(["rot", "(01)"]);
  const { vocabulary } = environment;
  const trace = [...environment.reasoningTrace(state)];
  trace[1] = vocabulary.id("=e");
  assert.equal(
    describeTrace(environment, state, [...trace, vocabulary.think]),
    [
      "rot       =(01234)  right",
      "(01)      =e        wrong, should be =(1234)",
      "SEP       =(1234)   right",
      "distance  D2        right",
      "          TH        wrong, should be nothing",
    ].join("\n"),
  );
  assert.match(
    describeTrace(environment, state, trace.slice(0, 3)),
    /^distance {2}nothing {3}wrong, should be D2$/m,
  );
});

Deno.test("restart gives the problem before the first move", () => {
  for (const { word, ...state } of sample(50)) {
    const start = environment.restart({ word, ...state });
    const names = word.map((g) => environment.group.generators[g]!.name);
    assert.deepEqual(start, environment.state(names));
  }
});

Deno.test("a prompt shows the latest outcomes and episodes where the configuration has room for them", () => {
  const traceOffset = 96;
  const word = ["rot", "(01)", "rot^-1"];
  const read = (
    config: PermutationConfigInput,
    context: CriticContext<PermutationState>,
  ) => {
    const env = new PermutationEnvironment({ ...config, traceOffset });
    return env.vocabulary.render(env.criticPrompt(env.state(word), context));
  };
  const episode = (moves: string[], reward: 0 | 1) => ({
    reward,
    state: environment.state(word, moves),
  });
  const episodes = [
    episode(["(23)", "(23)", "(23)", "(23)", "(23)", "(23)"], 0),
    episode(["rot", "(01)", "rot^-1"], 1),
  ];
  const rest = "rot (01) rot^-1 SEP Q";
  assert.equal(read({}, { episodes }), `R? T6 ${rest}`);
  assert.equal(read({ outcomeSlots: 2 }, { episodes }), `R? T6 O0 O1 ${rest}`);
  assert.equal(read({ outcomeSlots: 1 }, { successRate: 1, episodes }), `R10 T6 O1 ${rest}`);
  assert.equal(read({ outcomeSlots: 3 }, { episodes }), `R? T6 O? O0 O1 ${rest}`);
  assert.equal(read({ outcomeSlots: 2 }, {}), `R? T6 O? O? ${rest}`);
  assert.equal(
    read({ exampleSlots: 1 }, { episodes }),
    `R? T6 rot (01) rot^-1 M? M? M? O1 ${rest}`,
  );
  assert.equal(
    read({ outcomeSlots: 1, exampleSlots: 2 }, { episodes }),
    `R? T6 O1 (23) (23) (23) (23) (23) (23) O0 rot (01) rot^-1 M? M? M? O1 ${rest}`,
  );
  assert.equal(read({ exampleSlots: 1 }, {}), `R? T6 M? M? M? M? M? M? O? ${rest}`);
});

Deno.test("slots keep the tokens that were there, the trace, and its constant distance", () => {
  const slots = new PermutationEnvironment({ outcomeSlots: 3, exampleSlots: 1, traceOffset: 58 });
  const { names } = environment.vocabulary;
  assert.deepEqual(slots.vocabulary.names, [...names, "O?", "O0", "O1", "M?"]);
  const outcomes = new PermutationEnvironment({ outcomeSlots: 1 });
  assert.deepEqual(outcomes.vocabulary.names, [...names, "O?", "O0", "O1"]);
  assert.equal(slots.maxLengths().prompt, environment.maxLengths().prompt + 10);
  assert.equal(slots.maxLengths().trace, environment.maxLengths().trace);
  sample(20, {}, slots).forEach((state, i) => {
    assert.deepEqual(state, sample(20)[i]);
    const prompt = slots.criticPrompt(state, {}), trace = slots.reasoningTrace(state);
    assert.deepEqual(trace, environment.reasoningTrace(state));
    const labels = slots.promptLabels(state);
    assert.equal(labels.length, prompt.length);
    trace.forEach((token, i) => {
      assert.equal(labels[12 + i], token);
      assert.equal(positionId(prompt.length + i, prompt.length, 58) - (12 + i), 46);
    });
    assert.deepEqual(prompt.slice(12), environment.criticPrompt(state, {}).slice(2));
    assert.equal(describeTrace(slots, state, trace), describeTrace(environment, state, trace));
  });
});

Deno.test("a state can be built for every group", () => {
  const z = new PermutationEnvironment({ group: "Z120", generators: [1, -1, 11, -11] });
  assert.deepEqual(z.config.generators, ["+1", "-1", "+11", "-11"]);
  assert.match(z.describe(z.state(["+1", "+11", "-1", "+11"])), /^element {5}22$/m);
  for (const group of ["S3", "S4", "A5", "Z7"]) {
    const env = new PermutationEnvironment({ group });
    assert.equal(sample(50, {}, env).length, 50);
  }
  // In Z2 every move solves, so only states before the first move are undecided.
  const z2 = { group: "Z2" };
  assert.throws(
    () => sample(9, {}, new PermutationEnvironment(z2)),
    /no unsolved state .* moves before/,
  );
  assert.equal(sample(9, {}, new PermutationEnvironment({ ...z2, maxMovesBefore: 0 })).length, 9);
});

Deno.test("bad configurations name field, value and remedy", () => {
  const cases: [PermutationConfigInput, RegExp][] = [
    [{ group: "S6" }, /^UsageError: group: "S6": choose S3, S4, A5, S5 or Z<n>/],
    [{ generators: ["(01)"] }, /^UsageError: generators: "\(01\)": S5 has 120 elements/],
    [
      { generators: [true as never] },
      /^UsageError: environment\.generators\.0: true: must be an integer/,
    ],
    [{ minLength: 0 }, /^UsageError: environment\.minLength: 0: Too small/],
    [
      { maxMovesBefore: 7 },
      /^UsageError: environment\.maxMovesBefore: 7: must not exceed maxMoves/,
    ],
    [
      { maxLength: 42 },
      /^UsageError: environment\.traceOffset: 48: .* prompts of 49 tokens; raise it/,
    ],
    [
      { outcomeSlots: 32 },
      /^UsageError: environment\.traceOffset: 48: .* prompts of 49 tokens; raise it/,
    ],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => new PermutationEnvironment(config), message);
  }
});

Deno.test("bad states, actors and splits name field, value and remedy", () => {
  const solve = ["rot^-1", "(01)"];
  const farther = (distance: number, epsilon: number) =>
    environment.exactValue(environment.state(["rot"]), { ...actor, far: { distance, epsilon } });
  const cases: [() => unknown, RegExp][] = [
    [
      () => environment.state(["rot2"]),
      /generator: "rot2": choose from \(01\), \(23\), rot, rot\^-1/,
    ],
    [() => environment.state(["rot"], Array(7).fill("rot")), /moves: 7: the actor has 6 moves/],
    [() => environment.state(["rot"], solve), /leave out what follows move 1: it is solved/],
    [() => environment.state(Array(45).fill("rot")), /environment\.traceOffset: 48: /],
    [() => sample(1, { epsilon: 1.5 }), /actor\.epsilon: 1\.5: must lie in 0\.\.1/],
    [
      () => environment.exactValue(environment.state(["rot"]), { epsilon: NaN }),
      /actor\.epsilon: NaN/,
    ],
    [() => farther(2, -1), /actor\.far\.epsilon: -1: must lie in 0\.\.1/],
    [() => farther(0, 1), /actor\.far\.distance: 0: must be a positive integer/],
  ];
  for (const [act, message] of cases) assert.throws(act, { name: "UsageError", message });
});
