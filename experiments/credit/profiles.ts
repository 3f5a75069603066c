/** The profiles of the credit experiment. */
import type { CreditInput } from "./config.ts";
import type { MethodName } from "./methods.ts";

type Task = CreditInput["tasks"][number];

/** Circuits whose hard operations the actor was taught right only more often than not. */
const circuit: Task = {
  name: "circuit, privileged",
  environment: "circuit",
  environmentConfig: { modulus: 5, minGates: 6, maxGates: 6 },
  teacher: { kind: "mode-right" },
  knowledge: "privileged",
  values: "local",
  actor: { dModel: 32, layers: 2, learningRate: 8e-3 },
  sftSteps: 2000,
  discriminative: { size: { dModel: 32, layers: 2, learningRate: 2e-3 }, steps: 1500 },
  generative: { size: { dModel: 32, layers: 2, learningRate: 6e-3 }, steps: 2000 },
  weakSteps: [1000, 1500],
};

const at = (learningRate: number, names: readonly MethodName[]) =>
  names.map((name) => ({ name, learningRate }));

/** smoke: seconds, for CI; quick: minutes, one task; standard: both conditions, all methods and the search, 5 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", CreditInput> = {
  smoke: {
    seeds: [1, 2],
    tasks: [{
      ...circuit,
      environmentConfig: { modulus: 5, minGates: 2, maxGates: 2 },
      values: "tree",
      actor: { dModel: 16, layers: 2, learningRate: 1e-2 },
      sftSteps: 600,
      sftBatchSize: 32,
      discriminative: {
        size: { dModel: 16, layers: 2, learningRate: 5e-3 },
        steps: 100,
        batchSize: 32,
      },
      generative: {
        size: { dModel: 16, layers: 2, learningRate: 1e-2 },
        steps: 100,
        batchSize: 32,
      },
      lessons: 2048,
      weakSteps: [400],
    }],
    methods: at(1e-3, [
      "rloo",
      "grpo",
      "ppo",
      "one-shot token lambda 0",
      "genac",
      "genac no ICC",
      "cot token lambda 0",
      "cot token lambda 1",
      "vineppo",
      "process",
      "oracle",
    ]),
    training: { problems: 4, responses: 4, iterations: 20 },
    evaluateEvery: 10,
    testProblems: 64,
    testStates: 32,
    gradientBatches: 4,
  },
  quick: {
    seeds: [1, 2, 3],
    tasks: [circuit],
    methods: at(4e-4, [
      "rloo",
      "grpo",
      "ppo",
      "one-shot token lambda 0",
      "genac",
      "genac no ICC",
      "cot token lambda 0",
      "cot token lambda 1",
      "process",
      "oracle",
    ]),
    training: { iterations: 80 },
    evaluateEvery: 20,
    testStates: 32,
    gradientBatches: 8,
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    tasks: [
      circuit,
      { ...circuit, name: "circuit, equal knowledge", knowledge: "equal" },
      {
        ...circuit,
        name: "circuit, flawed teacher",
        teacher: { kind: "flawed-table" },
        knowledge: "equal",
      },
    ],
    methods: at(4e-4, [
      "reinforce",
      "rloo",
      "grpo",
      "dr-grpo",
      "ppo",
      "vc-ppo",
      "vapo",
      "sae",
      "sp3o",
      "one-shot token lambda 1",
      "one-shot token lambda 0",
      "one-shot segment lambda 1",
      "one-shot segment lambda 0",
      "genac",
      "genac no ICC",
      "cot token lambda 1",
      "cot token lambda 0",
      "cot token lambda 0 joint",
      "cot segment lambda 1",
      "cot segment lambda 0",
      "vineppo",
      "process",
      "oracle",
    ]),
    search: { seeds: [101], rates: [2e-4, 4e-4, 8e-4] },
    training: { iterations: 200 },
    evaluateEvery: 25,
  },
};
