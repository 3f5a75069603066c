import { exp } from "../../numeric/math.ts";
import { centralDifferences, nearAll, TinyMdp } from "../testing.ts";
import { entropyWeight } from "./entropy.ts";

const mdp = new TinyMdp();

Deno.test("the expected weight is the gradient of the entropy, off policy too, for any baseline", () => {
  const logits = mdp.logits(3), behaviour = mdp.logits(4);
  const tokens = ["0", "1", "2"];
  const logProbability = (z: readonly number[], y: string) => mdp.logProbability(z, "", Number(y));
  const entropy = (z: readonly number[]) =>
    -tokens.reduce((sum, y) => sum + exp(logProbability(z, y)) * logProbability(z, y), 0);
  const expected = centralDifferences(logits, entropy);
  for (const mu of [logits, behaviour]) {
    for (const baseline of [0, entropy(logits), -2]) {
      const total = logits.map(() => 0);
      for (const y of tokens) {
        const p = logProbability(logits, y), q = logProbability(mu, y);
        const w = entropyWeight(p, exp(p - q), baseline);
        mdp.score(logits, y, [w]).forEach((g, k) => total[k]! += exp(q) * g);
      }
      nearAll(total, expected, `baseline ${baseline}`, 1e-9);
    }
  }
});
