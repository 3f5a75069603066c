import assert from "node:assert/strict";
import * as z from "zod";
import { UsageError } from "../../errors.ts";
import type { Rollout } from "../rollout.ts";
import { randomRollouts, rolloutOf } from "../testing.ts";
import type { Need } from "./estimator.ts";
import { advantageEstimator, advantageEstimators, estimateAdvantages } from "./registry.ts";

const many = randomRollouts(8);
const names = Object.keys(advantageEstimators);

/** The field of the rollout behind a need. */
const FIELD: Record<Exclude<Need, "groups">, keyof Rollout> = {
  "values": "values",
  "segment values": "values",
  "process rewards": "processRewards",
  "continuations": "continuations",
  "exact values": "exactValues",
};

function usage(run: () => unknown, message: RegExp): void {
  assert.throws(run, (e: Error) => {
    assert.ok(e instanceof UsageError, `${e.name}: ${e.message}`);
    assert.match(e.message, message);
    return true;
  });
}

Deno.test("every estimator says what it is and describes its options", () => {
  for (const name of names) {
    const { options, title, source, needs } = advantageEstimator(name);
    assert.ok(title.length > 0 && source.length > 0 && new Set(needs).size === needs.length);
    const { properties = {} } = z.toJSONSchema(options);
    for (const [field, schema] of Object.entries(properties)) {
      const { description, default: value } = schema as z.core.JSONSchema.JSONSchema;
      assert.ok(description, `${name}.${field} has a description`);
      assert.notEqual(value, undefined, `${name}.${field} has a default`);
    }
    assert.doesNotThrow(() => estimateAdvantages(name, many, options.parse({})), name);
  }
});

Deno.test("what an estimator declares to need is all it uses, and must be there", () => {
  for (const name of names) {
    const { needs } = advantageEstimator(name);
    const fields = needs.flatMap((need) => need === "groups" ? [] : [FIELD[need]]);
    const bare = many.map((
      { group, reward, logProbabilities, tokenRewards, ...rest },
    ): Rollout => ({
      ...Object.fromEntries(Object.entries(rest).filter(([k]) => fields.includes(k as never))),
      ...{ reward, logProbabilities, tokenRewards: tokenRewards! },
      group: needs.includes("groups") ? group : 0,
    }));
    assert.deepEqual(estimateAdvantages(name, bare), estimateAdvantages(name, many), name);
    for (const field of fields) {
      const without = many.map((m) =>
        Object.fromEntries(Object.entries(m).filter(([k]) => k !== field))
      );
      const message = new RegExp(`rollouts\\[0\\].${field}: undefined: ${name} needs`);
      usage(() => estimateAdvantages(name, without as unknown as Rollout[]), message);
    }
  }
});

Deno.test("one estimate per rollout, one number per token", () => {
  for (const name of names) {
    const estimates = estimateAdvantages(name, many);
    assert.equal(estimates.length, many.length);
    estimates.forEach(({ advantages, valueTargets }, i) => {
      const tokens = many[i]!.logProbabilities.length;
      for (const list of [advantages, valueTargets]) {
        assert.equal(list.length, tokens);
        assert.ok(list.every(Number.isFinite), `${name}: ${list}`);
      }
    });
  }
});

Deno.test("estimators do not change what they are given", () => {
  const before = structuredClone(many);
  for (const name of names) estimateAdvantages(name, many);
  assert.deepEqual(many, before);
});

Deno.test("unknown names and options are usage errors with the choices", () => {
  usage(
    () => estimateAdvantages("gea", many),
    /advantage: "gea": .*did you mean gae\? choose from monte-carlo, rloo/,
  );
  usage(() => estimateAdvantages("toString", many), /unknown estimator/);
  usage(() => estimateAdvantages("gae", many, { lamda: 1 }), /gae: "lamda".*gamma, lambda/);
  usage(() => estimateAdvantages("gae", many, { lambda: 1.5 }), /gae.lambda: 1.5/);
  usage(() => estimateAdvantages("sae", many, { maxSegments: 0 }), /sae.maxSegments: 0/);
});

Deno.test("bad rollouts are usage errors that name the entry", () => {
  const bad = (rest: Partial<Rollout>, message: RegExp, name = "gae") =>
    usage(() => estimateAdvantages(name, [many[0]!, rolloutOf([0, 0], rest)]), message);
  usage(() => estimateAdvantages("gae", []), /rollouts: 0: give at least one/);
  bad({ group: 0.5 }, /rollouts\[1\].group: 0.5/);
  bad({ reward: NaN }, /rollouts\[1\].reward: NaN/);
  bad({ values: [0, 0, 0] }, /rollouts\[1\].values.length: 3: give one entry per token: 2/);
  bad({ continuations: [[1]] }, /continuations.length: 1/);
  bad({ values: [0, Infinity] }, /rollouts\[1\].values\[1\]: Infinity/);
  bad({ tokenRewards: [0, NaN] }, /tokenRewards\[1\]: NaN/);
  bad({ logProbabilities: [-0.1, 0.3] }, /logProbabilities\[1\]: 0.3: .*at most 0/);
  bad({ values: [0, null] }, /rollouts\[1\].values\[1\]: null: gae needs one before every token/);
  bad({ values: [null, 0] }, /values\[0\]: null: genac-segments .*success rate/, "genac-segments");
  bad({ continuations: [[0], []] }, /continuations\[1\]: .*give null/, "vineppo");
  bad({ continuations: [[0], [NaN]] }, /continuations\[1\]\[0\]: NaN/, "vineppo");
  bad({ continuations: [null, [1]] }, /continuations\[0\]: null/, "vineppo");
});
