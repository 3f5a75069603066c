/** The profiles of the credit experiment. */
import type { CreditInput } from "./config.ts";
import type { MethodName } from "./methods.ts";

type Task = CreditInput["tasks"][number];

/** Circuits whose hard operations the actor was taught right only more often than not. */
const circuit: Task = {
  name: "circuit",
  environment: "circuit",
  environmentConfig: { modulus: 5, minGates: 6, maxGates: 6 },
  teacher: { kind: "mode-right" },
  values: "local",
  // Enough to leave little but the teacher's own doubts: RL hardly moves an actor with less.
  actor: { dModel: 64, layers: 2, learningRate: 5e-3 },
  sftSteps: 2000,
  discriminative: { size: { dModel: 32, layers: 2, learningRate: 2e-3 }, steps: 1000 },
  // Small batches learn chains of thought in the least computation.
  generative: {
    size: { dModel: 32, layers: 2, learningRate: 4e-3 },
    steps: 4000,
    batchSize: 16,
  },
  lessons: 8192,
  weakSteps: [1500],
};

/**
 * A search puzzle: whether an assignment satisfies a formula is read off, to find one is hard. The critic's chain of
 * thought follows the rules alone, which is no privilege; what a state is worth it learns from outcomes.
 */
const puzzle: Task = {
  name: "3-SAT puzzle",
  environment: "sat",
  environmentConfig: { minVariables: 5, maxVariables: 5, clauseRatio: 3 },
  teacher: { epsilon: 0.2 },
  values: "tree",
  actor: { dModel: 32, layers: 2, learningRate: 3e-3 },
  sftSteps: 4000,
  sftBatchSize: 16,
  discriminative: { size: { dModel: 32, layers: 2, learningRate: 2e-3 }, steps: 1000 },
  generative: {
    size: { dModel: 32, layers: 2, learningRate: 5e-3 },
    steps: 2000,
    batchSize: 16,
  },
  lessons: 8192,
  weakSteps: [2000],
  methods: [
    ...["rloo", "grpo", "ppo", "one-shot token lambda 0", "genac equal"] as const,
    ...["cot token lambda 1 equal", "cot token lambda 0 equal", "process", "oracle"] as const,
  ],
};

const at = (learningRate: number, names: readonly MethodName[]) =>
  names.map((name) => ({ name, learningRate }));

/**
 * smoke: seconds, for CI; quick: minutes, a task of each kind; standard: the circuit with more methods, 5 seeds.
 *
 * All methods have the rate that was the best of 2e-4, 4e-4 and 8e-4 on tuning seed 101 of the circuit, where it was so for
 * every method but the process reward.
 */
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
      "genac equal",
      "cot token lambda 0",
      "cot token lambda 1",
      "cot token lambda 0 equal",
      "cot token lambda 1 equal",
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
    seeds: [1, 2],
    tasks: [
      {
        ...circuit,
        discriminative: { ...circuit.discriminative, steps: 500 },
        generative: { ...circuit.generative, steps: 3000 },
        methods: [
          ...["rloo", "grpo", "ppo", "one-shot token lambda 0", "genac"] as const,
          ...["cot token lambda 1", "cot token lambda 0", "process", "oracle"] as const,
        ],
      },
      {
        ...puzzle,
        sftSteps: 2500,
        discriminative: { ...puzzle.discriminative, steps: 400 },
        generative: { ...puzzle.generative, steps: 1000 },
        lessons: 4096,
        weakSteps: [1250],
        methods: [
          ...["rloo", "grpo", "ppo", "genac equal"] as const,
          ...["cot token lambda 0 equal", "process", "oracle"] as const,
        ],
      },
    ],
    methods: at(2e-4, [
      "rloo",
      "grpo",
      "ppo",
      "one-shot token lambda 0",
      "genac",
      "genac equal",
      "cot token lambda 1",
      "cot token lambda 0",
      "cot token lambda 0 equal",
      "process",
      "oracle",
    ]),
    training: { problems: 4, responses: 4, iterations: 100 },
    evaluateEvery: 20,
    testStates: 32,
    gradientBatches: 8,
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    tasks: [circuit],
    methods: at(2e-4, [
      "rloo",
      "grpo",
      "ppo",
      "sae",
      "one-shot token lambda 0",
      "one-shot segment lambda 0",
      "genac",
      "genac no ICC",
      "genac equal",
      "cot token lambda 1",
      "cot token lambda 0",
      "cot token lambda 1 equal",
      "cot token lambda 0 equal",
      "cot segment lambda 1",
      "cot segment lambda 0",
      "vineppo",
      "process",
      "oracle",
    ]),
    training: { problems: 4, responses: 4, iterations: 200 },
    evaluateEvery: 40,
    testStates: 32,
    gradientBatches: 8,
  },
};
