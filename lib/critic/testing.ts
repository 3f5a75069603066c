import { mean } from "../numeric/sums.ts";
import type { CriticDefinition } from "./critic.ts";
import { cot } from "./generative.ts";
import { sampleResponses } from "./responses.ts";

/** How many chains of thought `averaging` samples. */
export const SAMPLES = 5;

/** A critic outside the registry: the mean value of several sampled chains of thought, of those that can be parsed. */
export const averaging: CriticDefinition = {
  name: "averaging",
  title: "Mean of sampled chains of thought",
  languageHead: true,
  after: "trace",
  writesChain: true,
  encode: cot.encode,
  predict: async (model, environment, questions, key) =>
    (await sampleResponses(model, environment, questions, key, { count: SAMPLES }))
      .map((written) => {
        const values = written.flatMap(({ value }) => value === null ? [] : [value]);
        return {
          value: values.length > 0 ? mean(values) : null,
          expectation: null,
          responses: written.map(({ tokens }) => tokens),
        };
      }),
};
