/** The profiles of the credit experiment. */
import type { CreditInput } from "./config.ts";
import type { MethodName } from "./methods.ts";

type Task = CreditInput["tasks"][number];

/** Circuits whose hard operations the actor was taught right only more often than not. */
const circuit: Task = {
  name: "circuit, privileged",
  environment: "circuit",
  environmentConfig: { modulus: 5, minGates: 8, maxGates: 8 },
  teacher: { kind: "mode-right" },
  knowledge: "privileged",
  values: "local",
  actor: { dModel: 64, layers: 2, learningRate: 4e-3 },
  sftSteps: 4000,
  sftBatchSize: 16,
  discriminative: { size: { dModel: 32, layers: 2, learningRate: 2e-3 }, steps: 1000 },
  // Small batches learn chains of thought in the least computation.
  generative: {
    size: { dModel: 32, layers: 2, learningRate: 5e-3 },
    steps: 4000,
    batchSize: 16,
  },
  lessons: 16_384,
  weakSteps: [2000],
};

/** What the equal condition and the puzzle are about: the baselines, generative critics, and what could be gained. */
const ESSENTIAL: MethodName[] = [
  ...["rloo", "grpo", "ppo", "one-shot token lambda 0"] as const,
  ...["genac", "cot token lambda 1", "cot token lambda 0"] as const,
  ...["process", "oracle"] as const,
];

/**
 * A search puzzle: whether an assignment satisfies a formula is read off, to find one is hard. The critic's chain of
 * thought follows the rules alone; what a state is worth it learns from outcomes.
 */
const puzzle: Task = {
  name: "3-SAT puzzle",
  environment: "sat",
  environmentConfig: { minVariables: 5, maxVariables: 5, clauseRatio: 3 },
  teacher: { epsilon: 0.2 },
  knowledge: "equal",
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
  lessons: 16_384,
  weakSteps: [2000],
  methods: ESSENTIAL,
};

const at = (learningRate: number, names: readonly MethodName[]) =>
  names.map((name) => ({ name, learningRate }));

/** smoke: seconds, for CI; quick: minutes, a task of each kind; standard: longer circuits, equal knowledge too, all methods. */
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
    seeds: [1, 2],
    tasks: [
      {
        ...circuit,
        sftSteps: 3000,
        discriminative: { ...circuit.discriminative, steps: 500 },
        generative: { ...circuit.generative, steps: 2500 },
        lessons: 8192,
        weakSteps: [1500],
      },
      {
        ...puzzle,
        sftSteps: 2500,
        discriminative: { ...puzzle.discriminative, steps: 400 },
        generative: { ...puzzle.generative, steps: 1000 },
        lessons: 8192,
        weakSteps: [1250],
        methods: ["rloo", "grpo", "ppo", "genac", "cot token lambda 0", "process", "oracle"],
      },
    ],
    methods: at(2e-4, [
      "rloo",
      "grpo",
      "ppo",
      "one-shot token lambda 0",
      "genac",
      "genac no ICC",
      "cot token lambda 1",
      "cot token lambda 0",
      "process",
      "oracle",
    ]),
    training: { problems: 4, responses: 4, iterations: 120 },
    evaluateEvery: 20,
    testStates: 32,
    gradientBatches: 8,
  },
  standard: {
    seeds: [1, 2, 3, 4, 5],
    tasks: [
      circuit,
      {
        ...circuit,
        name: "circuit, equal knowledge",
        knowledge: "equal",
        methods: ESSENTIAL,
      },
      puzzle,
    ],
    methods: at(2e-4, [
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
      "cot segment lambda 1",
      "cot segment lambda 0",
      "vineppo",
      "process",
      "oracle",
    ]),
    search: {
      task: circuit.name,
      methods: ESSENTIAL,
      seeds: [101],
      rates: [1e-4, 2e-4, 4e-4],
    },
    training: { problems: 4, responses: 4, iterations: 200 },
    evaluateEvery: 40,
    testStates: 32,
    gradientBatches: 8,
  },
};
