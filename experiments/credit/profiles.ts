/** The profiles of the credit experiment. */
import type { CreditInput } from "./config.ts";
import type { MethodName } from "./methods.ts";

type Task = CreditInput["tasks"][number];
type Rates = Readonly<Partial<Record<MethodName, number>>>;

/** Whose learning rate a method takes that the search leaves out. */
const KIN: Readonly<Partial<Record<MethodName, MethodName>>> = {
  "rloo": "grpo",
  "genac": "generative lambda 0.8",
  "grpo x8": "grpo",
  "grpo 8x8": "grpo",
  "grpo 16x16": "grpo",
  "ppo 16x1": "ppo",
  "genac-leave-one-out": "genac",
  "genac equal": "genac-leave-one-out",
  "discriminative lambda 0": "ppo",
  "generative lambda 0 frozen": "generative lambda 0.8",
  "generative lambda 0": "generative lambda 0 frozen",
  "generative lambda 0.8": "oracle",
  "oracle": "generative lambda 0.8",
  "generative lambda 0.8 frozen": "generative lambda 0.8",
  "generative lambda 1": "generative lambda 1 frozen",
  "generative lambda 1 frozen": "generative lambda 0.8",
  "generative no ICC": "generative lambda 0.8",
  "generative from the actor": "generative lambda 0.8",
  "generative lambda 0.8 equal": "generative lambda 0.8",
  "generative 16x1": "generative lambda 0.8",
  "generative 8x8": "generative lambda 0.8",
  "generative 16x16": "generative lambda 0.8",
  "generative 4 epochs": "generative lambda 0.8",
  "vineppo": "oracle",
  "process": "oracle",
};

/** Methods with their rates, or their kins'; `seeds` of them, or all. */
function at(rates: Rates, names: readonly MethodName[], seeds?: number): Task["methods"] {
  return names.map((name) => {
    for (let kin: MethodName | undefined = name; kin; kin = KIN[kin]) {
      const learningRate = rates[kin];
      if (learningRate !== undefined) {
        return { name, learningRate, ...(seeds === undefined ? {} : { seeds }) };
      }
    }
    throw new Error(`no rate for ${name}`);
  });
}

/** The search for the rates of the methods that have one of their own: half of it, it, twice as much. */
function searchOf(found: Rates): NonNullable<Task["search"]> {
  return {
    seeds: [101, 102],
    runs: Object.entries(found).map(([method, rate]) => ({
      method: method as MethodName,
      rates: [rate / 2, rate, 2 * rate],
    })),
  };
}

/** The best ones on tuning seeds: the standard profile's search, whose pins hold them to it. */
const WORD_RATES = {
  "grpo": 8e-4,
  "rloo": 4e-4,
  "ppo": 8e-4,
  "genac": 8e-4,
  "generative lambda 0.8": 8e-4,
  "oracle": 8e-4,
} as const satisfies Rates;

const CIRCUIT_RATES = {
  "grpo": 2e-4,
  "ppo": 4e-4,
  "generative lambda 0.8": 4e-4,
} as const satisfies Rates;

/** Running products of which a quarter of the table's entries are taught with the wrong mode. */
const words = {
  name: "word evaluation",
  environment: "word-evaluation",
  environmentConfig: { minLength: 16, maxLength: 16 },
  teacher: {},
  values: "local",
  actor: { dModel: 64, layers: 2, learningRate: 5e-3 },
  sft: { steps: 1000, batchSize: 32, gate: 0.3, rounds: 2 },
  pilot: {
    problems: 8,
    responses: 8,
    learningRate: 8e-4,
    checkpoints: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
  },
  // A round of 256 states for each actor, and one more of the first.
  lessons: 3072,
  discriminative: { size: { dModel: 32, layers: 2, learningRate: 2e-3 }, steps: 1500 },
  generative: {
    // With two layers some seeds stop at 0.93 of their chains.
    size: { dModel: 32, layers: 3, learningRate: 2e-3 },
    // On shorter words, too, the distances over which it compares differ, and it learns them less well.
    traces: {
      learningRate: 6e-3,
      steps: 2500,
      difficulty: { min: 16, max: 16 },
      gate: 0.98,
      rounds: 3,
    },
    steps: 600,
    reinforce: { steps: 100, learningRate: 1e-4 },
  },
} satisfies Omit<Task, "methods">;

/** Circuits whose hard operations the actor was taught right only more often than not. */
const circuit = {
  name: "circuit",
  environment: "circuit",
  environmentConfig: { modulus: 5, minGates: 6, maxGates: 6 },
  teacher: { kind: "mode-right" },
  values: "local",
  // Every circuit is read by itself, unlike words: for 512 it would take 4 seconds.
  exactProblems: 128,
  actor: { dModel: 64, layers: 2, learningRate: 5e-3 },
  sft: { steps: 2000, batchSize: 32, gate: 0.4, rounds: 2 },
  pilot: { problems: 8, responses: 8, learningRate: 4e-4, checkpoints: [20, 40, 60, 80, 100] },
  lessons: 3072,
  discriminative: { size: { dModel: 32, layers: 2, learningRate: 2e-3 }, steps: 1500 },
  generative: {
    size: { dModel: 32, layers: 3, learningRate: 2e-3 },
    traces: {
      learningRate: 6e-3,
      steps: 2000,
      difficulty: { min: 2, max: 6 },
      gate: 0.98,
      rounds: 2,
    },
    steps: 600,
    reinforce: { steps: 100, learningRate: 1e-4 },
  },
} satisfies Omit<Task, "methods">;

/** Methods of the confirmatory claims, and the references beside them: on every seed, and followed as lines. */
export const CENTRAL: readonly MethodName[] = [
  "grpo",
  "rloo",
  "ppo",
  "genac",
  "generative lambda 0.8",
  "oracle",
];

/** smoke: seconds, for CI; quick: minutes, the central methods; standard: all arms, the search for rates, 10 seeds. */
export const profiles: Record<"smoke" | "quick" | "standard", CreditInput> = {
  smoke: {
    seeds: [1, 2],
    tasks: [{
      ...words,
      environmentConfig: { group: "S3", minLength: 3, maxLength: 3 },
      exactProblems: 64,
      actor: { dModel: 16, layers: 2, learningRate: 1e-2 },
      sft: { steps: 200, batchSize: 32, gate: 0.5, rounds: 2 },
      pilot: { problems: 4, responses: 4, learningRate: 2e-3, checkpoints: [5, 10] },
      temperatures: [0.5],
      lessons: 512,
      discriminative: {
        size: { dModel: 16, layers: 2, learningRate: 5e-3 },
        steps: 50,
        batchSize: 16,
      },
      generative: {
        size: { dModel: 16, layers: 2, learningRate: 5e-3 },
        traces: {
          learningRate: 1e-2,
          steps: 150,
          batchSize: 16,
          difficulty: { min: 2, max: 3 },
          gate: 0.9,
          rounds: 2,
        },
        steps: 50,
        batchSize: 16,
        reinforce: { steps: 10, learningRate: 3e-4 },
      },
      methods: [
        ...at({ "grpo": 1e-3, "ppo": 1e-3, "generative lambda 0.8": 1e-3 }, [
          ...CENTRAL,
          "genac-leave-one-out",
          "generative lambda 1 frozen",
          "generative no ICC",
          "vineppo",
          "process",
          "grpo x8",
          "generative 8x8",
          "grpo 8x8",
        ]),
        ...at({ "ppo": 1e-3, "generative lambda 0.8": 1e-3 }, [
          "generative lambda 0.8 equal",
          "generative from the actor",
          "ppo 16x1",
        ], 1),
      ],
      search: {
        seeds: [101],
        runs: [{ method: "grpo", rates: [5e-4, 1e-3] }, { method: "oracle", rates: [1e-3, 2e-3] }],
      },
    }],
    training: { problems: 4, responses: 4, iterations: 10, continuations: 2 },
    evaluateEvery: 5,
    judgeEvery: 5,
    testProblems: 64,
    criticTest: { problems: 16, states: 3 },
    gradientBatches: 2,
  },
  quick: {
    seeds: [1, 2],
    tasks: [{
      ...words,
      generative: {
        ...words.generative,
        traces: { ...words.generative.traces, steps: 1500, rounds: 2 },
        steps: 400,
        reinforce: { ...words.generative.reinforce, steps: 50 },
      },
      methods: at(WORD_RATES, CENTRAL),
    }],
    training: { problems: 4, responses: 4, iterations: 80 },
    evaluateEvery: 20,
    judgeEvery: 40,
    testProblems: 256,
    criticTest: { problems: 32, states: 8 },
    gradientBatches: 0,
  },
  standard: {
    seeds: [21, 22, 23, 24, 25, 26, 27, 28, 29, 30],
    tasks: [
      {
        ...words,
        methods: [
          ...at(WORD_RATES, [...CENTRAL, "grpo x8"]),
          ...at(WORD_RATES, [
            "discriminative lambda 0",
            "genac-leave-one-out",
            "generative lambda 0 frozen",
            "generative lambda 0",
            "generative lambda 0.8 frozen",
            "generative lambda 1 frozen",
            "generative lambda 1",
            "generative no ICC",
            "generative lambda 0.8 equal",
            "genac equal",
            "vineppo",
            "process",
            "ppo 16x1",
            "generative 16x1",
            "grpo 8x8",
            "generative 8x8",
            "generative 4 epochs",
          ], 5),
          ...at(WORD_RATES, ["generative from the actor", "grpo 16x16", "generative 16x16"], 3),
        ],
        search: searchOf(WORD_RATES),
      },
      {
        ...circuit,
        methods: at(CIRCUIT_RATES, CENTRAL, 5),
        search: searchOf(CIRCUIT_RATES),
      },
    ],
    training: { problems: 4, responses: 4, iterations: 120, continuations: 4 },
    evaluateEvery: 20,
    judgeEvery: 40,
    criticTest: { problems: 32, states: 8 },
    gradientBatches: 4,
  },
};
