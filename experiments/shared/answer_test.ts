import assert from "node:assert/strict";
import type { EvaluatedClaim } from "../../lib/run/run.ts";
import { answer, answerOf } from "./answer.ts";

const evidence = { GRPO: { estimate: 0.412, low: 0.333, high: 0.491 }, episodes: 2400 };
const terms = { reading: "0.4 | 0.3", evidence: {} };
const claims: EvaluatedClaim[] = [
  { ...terms, id: "E1", statement: "It helps.", family: "exploratory", verdict: "undecided" },
  {
    ...terms,
    id: "C1",
    statement: "It is |better|.",
    family: "confirmatory",
    sesoi: "0.05 of success",
    verdict: "supported",
    evidence,
  },
  { ...terms, id: "C2", statement: "It grows.", family: "confirmatory", verdict: "contradicted" },
];

Deno.test("an answer that rests on other verdicts than the pinned ones is refused", () => {
  const given = { C1: "supported" } as const;
  assert.equal(answerOf("scaling", claims, { sentence: "Yes.", given }), "Yes.");
  assert.equal(answerOf("new", claims, undefined), "Supported: It is |better|.");
  assert.equal(answerOf("new", claims.slice(0, 1), undefined), "Undecided: It helps.");
  for (const wrong of [{ C1: "contradicted" }, { C3: "supported" }] as const) {
    assert.throws(
      () => answerOf("scaling", claims, { sentence: "Yes.", given: wrong }),
      /experiments\/answers\.ts: scaling: .* C[13], which is "(supported|undefined)": write it/,
    );
  }
});

Deno.test("an answer has its numbers from the pinned results", () => {
  const answer = (id: string, comparison: string) =>
    answerOf("credit", claims, {
      sentence: (effect) => `It gains ${effect(id, comparison)}.`,
      given: {},
    });
  assert.equal(answer("C1", "GRPO"), "It gains 0.41 [0.33, 0.49].");
  const cases = [
    ["C1", "PPO", /credit: no effect "PPO" of C1: choose from "GRPO"$/],
    ["C1", "episodes", /no effect "episodes" of C1: choose from "GRPO"$/],
    ["C2", "GRPO", /no effect "GRPO" of C2: choose from none: its evidence has no effects$/],
    ["C9", "GRPO", /no effect "GRPO" of C9: choose from E1, C1, C2$/],
  ] as const;
  for (const [id, comparison, message] of cases) {
    assert.throws(() => answer(id, comparison), message);
  }
});

Deno.test("a report's answer is the front page's, then the counts; other verdicts are answered by the first claim", () => {
  const run = { profile: "quick", config: { seeds: [1, 2, 3] } } as const;
  const counts = "Claims set out to be tested: 1 supported, 1 contradicted. " +
    "Exploratory claims: 1 undecided. Profile quick, 3 seeds.";
  // Of no experiment, and of one whose answer rests on other claims than these.
  for (const experiment of ["new", "scaling"]) {
    assert.equal(
      answer({ ...run, experiment, claims }),
      `Supported: It is |better|. 0.4 | 0.3\n\n${counts}`,
    );
  }
  const few = claims.map((claim) => ({ ...claim, verdict: "see standard" }) as const);
  assert.match(
    answer({ ...run, experiment: "scaling", claims: few }),
    /^Too few seeds for verdicts: It is \|better\|\. 0\.4 \| 0\.3\n/,
  );
});
