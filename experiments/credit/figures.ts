/** The figures and tables of the report; each a function of the summary, or of the configuration. */
import { interquartileMean } from "../../lib/eval/statistics.ts";
import { mean } from "../../lib/numeric/sums.ts";
import {
  type Figure,
  figure,
  type LineSeries,
  type Row,
  type RowSeries,
} from "../../lib/report/figure.ts";
import type { Displayable } from "../../lib/report/mime.ts";
import { table } from "../../lib/report/table.ts";
import { criticStyle, plainStyle, type SeriesStyle, variant } from "../../lib/report/theme.ts";
import type { Run } from "../../lib/run/run.ts";
import { tokenSequence } from "../../lib/report/token_sequence.ts";
import { TRAINING_FAILURES } from "../../lib/rl/training_failures.ts";
import { type Parts, totalParts } from "../../lib/rl/work.ts";
import { sizeName } from "../shared/config.ts";
import { tableOfSettings } from "../shared/settings.ts";
import { pairedDifference } from "../shared/verdicts.ts";
import type { CreditMetrics } from "./cell.ts";
import type { CreditCell } from "./cells.ts";
import type { CreditConfig } from "./config.ts";
import { type CriticKind, CRITICS, type MethodName, methodOf } from "./methods.ts";
import {
  type CreditSummary,
  failedSeeds,
  type Followed,
  type MethodRow,
  type TaskRow,
} from "./summary.ts";

/** A finished run of this experiment. */
export type CreditRun = Run<CreditConfig, CreditCell, CreditMetrics, CreditSummary>;

/** Whose values a method has, in the order of the figure of gains. */
const FAMILIES = {
  "no critic": plainStyle(0),
  "discriminative": criticStyle(CRITICS.discriminative.definition),
  "generative": criticStyle(CRITICS.generative.definition),
  "generative, equal knowledge": plainStyle(4),
  "oracle": criticStyle("oracle"),
  "process rewards": plainStyle(2),
} as const satisfies Record<CriticKind | "no critic" | "oracle" | "process rewards", SeriesStyle>;

function familyOf(method: MethodName): keyof typeof FAMILIES {
  if (method === "oracle") return "oracle";
  if (method === "process") return "process rewards";
  return methodOf(method).critic ?? "no critic";
}

function familyStyle(family: keyof typeof FAMILIES): SeriesStyle {
  return { ...FAMILIES[family], dash: [] };
}

/** Families keep their colours; methods of one differ by dash and marker. */
function style(method: MethodName, among: readonly MethodRow[]): SeriesStyle {
  const family = familyOf(method);
  const index = among.filter((row) => familyOf(row.method) === family)
    .findIndex((row) => row.method === method);
  return variant(familyStyle(family), index);
}

/** The methods that the claims are about: few enough to follow as lines. */
export function isCentral({ method }: MethodRow): boolean {
  const central: MethodName[] = [
    ...["rloo", "grpo", "ppo", "genac", "genac equal"] as const,
    ...["cot token lambda 0", "cot token lambda 0 equal", "oracle"] as const,
  ];
  return central.includes(method);
}

/** What every method gains over GRPO on a task, paired by seed: all start from the same actor. */
export function gainFigure({ seeds, bootstrap }: CreditSummary, task: TaskRow): Figure {
  const grpo = task.methods.find(({ method }) => method === "grpo")!;
  const families = Object.keys(FAMILIES) as (keyof typeof FAMILIES)[];
  const shown = families.map((family) =>
    task.methods.filter((row) => familyOf(row.method) === family && row !== grpo)
  );
  const lines = shown.flatMap((rows, f) => rows.map((row) => ({ row, family: families[f]! })));
  const series = families.filter((family) => lines.some((line) => line.family === family))
    .map((family): RowSeries => ({
      kind: "rows",
      name: family,
      style: familyStyle(family),
      // Every series lists every line, so that the lines keep their order.
      rows: lines.map(({ row, family: own }): Row => {
        if (own !== family) return { category: row.title, x: null };
        const gain = pairedDifference(row.area.scores, grpo.area.scores, bootstrap);
        return { category: row.title, x: gain.estimate, low: gain.low, high: gain.high };
      }),
    }));
  return figure({
    title: `${task.task}: what each method gains over GRPO`,
    subtitle:
      `Interquartile mean of the differences over ${seeds} seeds with bootstrap 95% interval.`,
    x: { title: "fraction solved, mean over training, less GRPO's" },
    y: { title: "" },
    series,
    references: [{ axis: "x", value: 0, label: "" }],
    width: 900,
  });
}

/** Mean success on tuning seeds against the learning rate. */
export function searchFigure(task: TaskRow): Figure {
  return figure({
    title: `${task.task}: the search for learning rates`,
    subtitle: "Mean over tuning seeds, none of them reported.",
    x: { title: "learning rate of the actor", scale: "log" },
    y: { title: "fraction solved, mean over training" },
    series: task.methods.flatMap((row): LineSeries[] => {
      const own = task.search.filter(({ method }) => method === row.method);
      if (own.length === 0) return [];
      return [{
        kind: "line",
        name: row.title,
        style: style(row.method, task.methods),
        points: own.map(({ learningRate: x, area: y }) => ({ x, y })),
      }];
    }),
    width: 900,
  });
}

const AXES: Readonly<Record<Followed, { title: string; y: string }>> = {
  success: { title: "Success on held-out problems", y: "fraction solved" },
  criticRmse: { title: "The critic's error over training", y: "RMSE against the actor's values" },
  criticBias: { title: "The critic's bias over training", y: "mean value less the actor's" },
  criticRanking: { title: "The critic's ranking over training", y: "ranking accuracy" },
};

/** A quantity against episodes, a panel a task. */
export function trainingFigure(
  summary: CreditSummary,
  what: Followed,
  methods: (row: MethodRow) => boolean = () => true,
): Figure {
  const { title, y } = AXES[what];
  const shown = summary.tasks.map((task) => ({
    task,
    rows: task.methods.filter(methods)
      .filter(({ curves }) => curves[what].some(({ mean }) => mean !== null)),
  }));
  // More bands than that hide each other.
  const bands = shown.every(({ rows }) => rows.length <= 3);
  const series = shown.flatMap(({ task, rows }) =>
    rows.map((row): LineSeries => ({
      kind: "line",
      name: row.title,
      style: style(row.method, task.methods),
      panel: task.task,
      points: row.curves[what].map(({ iteration, mean, low, high }) => ({
        x: iteration * summary.episodes,
        y: mean,
        ...(bands ? { low, high } : {}),
      })),
    }))
  );
  return figure({
    title,
    subtitle: `Mean over ${summary.seeds} seeds` +
      (bands ? "; bands: from the lowest to the highest seed." : "."),
    x: { title: "episodes of RL" },
    y: { title: y },
    series,
    references: what === "criticBias" ? [{ axis: "y", value: 0, label: "" }] : [],
    width: 900,
  });
}

/** Success over training against FLOPs, those of the critic's preparation counted. */
export function flopsFigure(summary: CreditSummary): Figure {
  return costFigure(
    summary,
    "Success against computation",
    { title: "computation", unit: "FLOPs" },
    (_, row) => row.flops + row.preparationFlops,
  );
}

/** The same against wall time on the machine of this run: not pinned. */
export function secondsFigure({ cells, summary }: CreditRun): Figure {
  return costFigure(
    summary,
    "Success against time",
    { title: "time on this machine", unit: "seconds" },
    (task, { method }) => {
      const own = cells.filter(({ config, id }) =>
        config.task.name === task.task && !id.includes("/search/")
      );
      const { critic } = methodOf(method);
      return mean(own.map(({ unpinned }) => {
        const seconds = unpinned.seconds as Record<string, Parts>;
        const preparationSeconds = unpinned.preparationSeconds as Record<string, number>;
        return totalParts(seconds[method]!) +
          (critic ? preparationSeconds.lessons! + preparationSeconds[critic]! : 0);
      }));
    },
  );
}

function costFigure(
  summary: CreditSummary,
  title: string,
  x: { title: string; unit: string },
  cost: (task: TaskRow, row: MethodRow) => number,
): Figure {
  return figure({
    title,
    subtitle:
      "A point is a method, named where one points at it: RL and the preparation of its critic. " +
      "Interval: bootstrap 95%.",
    x: { ...x, scale: "log" },
    y: { title: "fraction solved, mean over training" },
    series: summary.tasks.flatMap((task) =>
      task.methods.map((row) => ({
        kind: "line" as const,
        interval: "bars" as const,
        name: familyOf(row.method),
        style: familyStyle(familyOf(row.method)),
        panel: task.task,
        points: [{
          label: row.title,
          x: cost(task, row),
          y: row.area.iqm.estimate,
          low: row.area.iqm.low,
          high: row.area.iqm.high,
        }],
      }))
    ),
    width: 900,
  });
}

/** What every seed starts from: the actor before RL, and how well the critics learned what they were taught. */
export function preparationTable({ cells }: CreditRun): Displayable {
  const rows = cells.map(({ config, id, metrics }) => ({
    id,
    config,
    preparation: metrics.preparation,
  }));
  const kinds = (Object.keys(CRITICS) as CriticKind[])
    .filter((kind) => rows.some(({ config }) => config.needs.includes(kind)));
  return table({
    caption:
      "Before RL, by cell: success on held-out problems, and losses at the end of preparation " +
      "(a discriminative critic's is a squared error, a generative one's a cross-entropy)",
    rows,
    columns: [
      { title: "cell", cell: ({ id }) => id },
      { title: "success", cell: ({ preparation }) => preparation.successRate, decimals: 3 },
      { title: "actor", cell: ({ preparation }) => preparation.actorLoss, decimals: 3 },
      ...kinds.map((kind) => ({
        title: kind,
        cell: ({ preparation }: typeof rows[number]) => preparation.criticLoss[kind],
        decimals: 4,
      })),
    ],
  });
}

/** The scores of a task's methods. */
export function scoresTable(summary: CreditSummary, task: TaskRow): Displayable {
  return table({
    caption: `${task.task}: interquartile mean over ${summary.seeds} seeds with bootstrap 95% ` +
      `interval; before RL ${task.start.toFixed(3)}`,
    rows: task.methods,
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "rate", cell: (row) => row.learningRate },
      { title: "success, mean over training", cell: (row) => row.area.iqm, decimals: 3 },
      { title: "at the end", cell: (row) => row.final.iqm, decimals: 3 },
      { title: "critic RMSE", cell: (row) => row.curves.criticRmse.at(-1)!.mean, decimals: 3 },
      { title: "critic bias", cell: (row) => row.curves.criticBias.at(-1)!.mean, decimals: 3 },
      { title: "TFLOP of RL", cell: (row) => row.flops / 1e12, decimals: 2 },
      { title: "of preparation", cell: (row) => row.preparationFlops / 1e12, decimals: 2 },
      { title: "failed seeds", cell: failedSeeds },
    ],
  });
}

/** What an iteration costs, by part, and how many times PPO's and GRPO's that is. */
export function costTable(task: TaskRow): Displayable {
  const of = (method: MethodName) => task.methods.find((row) => row.method === method);
  const ratio = (row: MethodRow, to: MethodName) => {
    const other = of(to);
    return other ? totalParts(row.iterationFlops) / totalParts(other.iterationFlops) : null;
  };
  const giga = (row: MethodRow, part: keyof Parts) => row.iterationFlops[part] / 1e9;
  return table({
    caption: `${task.task}: GFLOP of an iteration, mean over training; the references' knowledge ` +
      "is not counted",
    rows: task.methods,
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "rollouts", cell: (row) => giga(row, "rollout"), decimals: 2 },
      { title: "critic's answers", cell: (row) => giga(row, "criticInference"), decimals: 2 },
      { title: "critic's training", cell: (row) => giga(row, "criticTraining"), decimals: 2 },
      { title: "actor's training", cell: (row) => giga(row, "actorTraining"), decimals: 2 },
      { title: "all", cell: (row) => totalParts(row.iterationFlops) / 1e9, decimals: 2 },
      { title: "times PPO", cell: (row) => ratio(row, "ppo"), decimals: 2 },
      { title: "times GRPO", cell: (row) => ratio(row, "grpo"), decimals: 2 },
      { title: "preparation, in iterations of GRPO", cell: (row) => preparation(row), decimals: 0 },
    ],
  });

  function preparation(row: MethodRow): number | null {
    const grpo = of("grpo");
    return grpo ? row.preparationFlops / totalParts(grpo.iterationFlops) : null;
  }
}

/** How good the methods' gradients are before training. */
export function gradientTable(task: TaskRow): Displayable {
  return table({
    caption: `${task.task}: policy gradients at the checkpoint, against the oracle's mean`,
    rows: task.methods,
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "cosine of a batch", cell: (row) => row.gradient.cosine.iqm, decimals: 3 },
      {
        title: "cosine of the mean",
        cell: (row) => interquartileMean(row.gradient.meanCosine.scores),
        decimals: 2,
      },
      {
        title: "relative variance",
        cell: (row) => interquartileMean(row.gradient.relativeVariance.scores),
        decimals: 1,
      },
    ],
  });
}

/** The learning rates that were tried, if any. */
export function searchTable(task: TaskRow): Displayable {
  const rates = [...new Set(task.search.map(({ learningRate }) => learningRate))];
  return table({
    caption: `${task.task}: mean success over training on tuning seeds, by learning rate`,
    rows: task.methods.filter(({ method }) => task.search.some((s) => s.method === method)),
    columns: [
      { title: "method", cell: (row) => row.title },
      { title: "chosen", cell: (row) => row.learningRate },
      ...rates.map((rate) => ({
        title: String(rate),
        decimals: 3,
        cell: (row: MethodRow) =>
          task.search.find((s) => s.method === row.method && s.learningRate === rate)?.area,
      })),
    ],
  });
}

/** One response, token by token, in the colours of blame and credit: the exact advantage first, then each method's. */
export function creditTokens(
  { example, methods }: TaskRow,
  which: (row: MethodRow) => boolean = () => true,
): Displayable[] {
  const rows = [...oracleOf(methods), ...methods.filter(({ method }) => method !== "oracle")];
  return rows.filter(which).map(({ method, title }) => {
    const A = example.advantages[method]!;
    return tokenSequence(
      example.tokens.map((text, t) => ({
        text,
        label: A[t]!.toFixed(2),
        tone: A[t]! < -0.1 ? "wrong" : A[t]! > 0.1 ? "right" : "plain",
      })),
      title,
    );
  });
}

function oracleOf(methods: readonly MethodRow[]): MethodRow[] {
  return methods.filter(({ method }) => method === "oracle");
}

/** Every failure that was seen, by run. */
export function failuresTable({ tasks }: CreditSummary, config: CreditConfig): Displayable {
  const rows = tasks.flatMap(({ task, methods }) =>
    methods.flatMap(({ failures, title }) =>
      failures.flatMap((own, i) =>
        own.map(({ iteration, name }) => ({ task, title, seed: config.seeds[i], iteration, name }))
      )
    )
  );
  return table({
    caption: `Failures: ${rows.length} seen`,
    rows,
    columns: [
      { title: "task", cell: (row) => row.task },
      { title: "method", cell: (row) => row.title },
      { title: "seed", cell: (row) => row.seed },
      { title: "from iteration", cell: (row) => row.iteration },
      { title: "failure", cell: (row) => row.name },
      { title: "which means", cell: (row) => TRAINING_FAILURES[row.name].title },
    ],
  });
}

/** What was run, in words and numbers. */
export function settingsTable(config: CreditConfig): Displayable {
  const { training, seeds } = config;
  return tableOfSettings([
    ...config.tasks.map((task) =>
      [
        task.name,
        `${task.environment} ${JSON.stringify(task.environmentConfig)}; teacher ` +
        `${JSON.stringify(task.teacher)}; actor ${
          sizeName(task.actor)
        }, ${task.sftSteps} steps of ` +
        "supervised fine-tuning",
      ] as const
    ),
    ...config.tasks.map((task) =>
      [
        `${task.name}: critics`,
        `discriminative ${
          sizeName(task.discriminative.size)
        }, ${task.discriminative.steps} steps; ` +
        `generative ${sizeName(task.generative.size)}, ${task.generative.steps} steps on right ` +
        "chains, or with equal knowledge on the teacher's" +
        (task.generative.traces ? `, after ${task.generative.traces.steps} on chains alone` : "") +
        `; all on the mean outcomes of 8 rollouts from each of ${task.lessons} states, by the actor, ` +
        `by it after ${task.weakSteps.join(", ")} steps and at temperature ` +
        task.temperatures.join(", "),
      ] as const
    ),
    [
      "RL",
      `${training.iterations} iterations of ${training.problems} problems with ` +
      `${training.responses} responses each; KL loss ${training.klCoefficient}; seeds ` +
      seeds.join(", "),
    ],
    [
      "evaluation",
      `one response to each of ${config.testProblems} held-out problems every ` +
      `${config.evaluateEvery} iterations; critics on ${config.testStates} states of them, against ` +
      "the actor's values",
    ],
  ]);
}
