/** The figures on what an episode with the critic is worth, and at which price of an episode that pays. */
import {
  type Figure,
  figure,
  type LineSeries,
  type ScatterSeries,
} from "../../lib/report/figure.ts";
import { formatNumber } from "../../lib/report/format.ts";
import { criticStyle, plainStyle } from "../../lib/report/theme.ts";
import { capital } from "../shared/verdicts.ts";
import { breakEvenPrice, type Cost, type Exchange, totalCost } from "./exchange.ts";
import { curvePoints } from "./figures.ts";
import { seedsText, styleOf } from "./looks.ts";
import { type CreditSummary, EXCHANGED, type MethodRow, type TaskRow } from "./summary.ts";

const WIDTH = 900;

type Exchanged = TaskRow & { readonly exchange: Exchange };

function exchangedTasks({ tasks }: CreditSummary): Exchanged[] {
  return tasks.filter((task): task is Exchanged => task.exchange !== null);
}

/** "median 4.0, from 2.1 to more than 8 over 10 seeds": GRPO's episodes for one with the critic. */
export function rateText({ longest, rates }: Exchange): string {
  const sorted = rates.map((rate) => rate ?? Infinity).toSorted((a, b) => a - b);
  const text = (rate: number) => rate === Infinity ? `more than ${longest}` : rate.toFixed(1);
  // Of two in the middle the upper one: there is no mean where one is known as "more than" alone.
  const [low, middle, high] = [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!].map(text);
  const range = low === high ? low : `median ${middle}, from ${low} to ${high}`;
  return `${range} over ${seedsText(rates.length)}`;
}

/** Success against episodes of both, on a log axis, where equal ratios are equal lengths; null without an exchange. */
export function exchangeFigure(summary: CreditSummary): Figure | null {
  const tasks = exchangedTasks(summary);
  if (tasks.length === 0) return null;
  const lines = (task: Exchanged): LineSeries[] => {
    const row = (name: MethodRow["method"]) => task.methods.find(({ method }) => method === name)!;
    const critic = row(EXCHANGED.critic), long = row(EXCHANGED.long);
    // A log axis has no 0.
    const points = (row: MethodRow) => curvePoints(row, "success").filter(({ x }) => x > 0);
    const style = { ...styleOf(critic.method), dash: [] };
    return [
      { name: long.title, style: styleOf(long.method), points: points(long) },
      { name: critic.title, style, points: points(critic) },
      {
        name: `${critic.title}, episodes of its preparation counted`,
        style: { ...style, dash: [5, 4] },
        points: points(critic).map(({ x, y }) => ({ x: x + critic.preparationEpisodes, y })),
      },
    ].map((line): LineSeries => ({ kind: "line", panel: task.task, ...line }));
  };
  const rates = tasks.map(({ exchange, task }) => `${task}: ${rateText(exchange)}`).join("; ");
  return figure({
    title: "What an episode with the critic is worth in episodes of GRPO",
    subtitle: "Episodes of GRPO that reach the success with which the run with the critic ends, " +
      `for each of its episodes: ${rates}.`,
    x: { title: "episodes", scale: "log" },
    y: { title: "success on held-out problems" },
    series: tasks.flatMap(lines),
    width: WIDTH,
  });
}

/** Prices of an episode in what one costs here: half decades. */
const PRICES = [...Array(9).keys()].flatMap((
  power,
) => [Number(`1e${power}`), Number(`3e${power}`)]);

/** Language models whose responses are marked among the prices: parameters, tokens of a response. */
const LANGUAGE_MODELS = [
  { label: "1.5B", parameters: 1.5e9, tokens: 2048 },
  { label: "7B", parameters: 7e9, tokens: 4096 },
  { label: "70B", parameters: 70e9, tokens: 8192 },
] as const;

/** What each cost is called, in the order of the legend. */
const COSTS = {
  long: "GRPO, as far as it gets to that success",
  preparedCritic: "generative critic, already prepared",
  critic: "generative critic, its preparation counted",
} as const satisfies Record<keyof Exchange["costs"], string>;

const COST_STYLES = {
  long: { ...plainStyle(0), dash: [] },
  preparedCritic: { ...criticStyle("cot"), dash: [] },
  critic: { ...criticStyle("cot"), dash: [5, 4] },
} as const satisfies Record<keyof Exchange["costs"], Partial<LineSeries["style"]>>;

/** "from 12 times what an episode costs here". */
export function payText(critic: Cost, long: Cost): string {
  const price = breakEvenPrice(critic, long);
  const isCheaper = (price: number) => totalCost(critic, price) < totalCost(long, price);
  if (price === null) return isCheaper(1) ? "at every price" : "at no price";
  const side = isCheaper(2 * price) ? "from" : "below";
  return `${side} ${formatNumber(price, { significant: 2 })} times what an episode costs here`;
}

/** Total computation to one and the same success against the price of an episode; null without an exchange. */
export function priceFigure(summary: CreditSummary): Figure | null {
  const tasks = exchangedTasks(summary);
  if (tasks.length === 0) return null;
  const lines = ({ exchange: { costs }, task }: Exchanged): LineSeries[] =>
    (Object.keys(COSTS) as (keyof typeof COSTS)[]).map((name) => ({
      kind: "line",
      name: COSTS[name],
      style: COST_STYLES[name],
      panel: task,
      points: PRICES.map((x) => ({ x, y: positive(totalCost(costs[name], x)) })),
    }));
  const crossings = ({ exchange: { costs }, task }: Exchanged): ScatterSeries[] => {
    const prices = [costs.preparedCritic, costs.critic].flatMap((critic) => {
      const price = breakEvenPrice(critic, costs.long);
      return price !== null && price >= PRICES[0]! && price <= PRICES.at(-1)! ? [price] : [];
    });
    return prices.length === 0 ? [] : [{
      kind: "scatter",
      name: "equal cost",
      style: { ...criticStyle("oracle"), marker: "circle", open: true },
      panel: task,
      points: prices.map((x) => ({ x, y: totalCost(costs.long, x) })),
    }];
  };
  const pays = tasks.map(({ exchange: { costs: { critic, long, preparedCritic } }, task }) =>
    `${capital(task)}: already prepared, the critic pays ${payText(preparedCritic, long)}; its ` +
    `preparation counted, ${payText(critic, long)}.`
  );
  const { episodeFlops } = tasks[0]!.exchange.costs.long;
  return figure({
    title: "The price of an episode at which the critic pays",
    subtitle: `Computation up to the success with which the run with the critic ends; where GRPO ` +
      `does not get there, all its episodes, the least that it would take. ${pays.join(" ")} The ` +
      "price multiplies what an episode's tokens cost here, while all else costs what it does " +
      "here: it stands for episodes that are dear beside the critic's chain (long responses, a " +
      "verifier, a tool, a person). Marked: responses of language models of 1.5B (2k tokens), 7B " +
      "(4k) and 70B (8k) parameters, two FLOPs each a token; critics of that size would be dearer, too.",
    x: { title: "price of an episode, in what it costs here", scale: "log" },
    y: { title: "all computation, in FLOPs", scale: "log" },
    series: [...tasks.flatMap(lines), ...tasks.flatMap(crossings)],
    references: [
      { axis: "x", value: 1, label: "here" },
      ...LANGUAGE_MODELS.map(({ label, parameters, tokens }) => ({
        axis: "x" as const,
        value: 2 * parameters * tokens / episodeFlops,
        label,
      })),
    ],
    width: WIDTH,
  });
}

/** A log axis has no 0: where the longer run is as good from its start it costs nothing. */
function positive(flops: number): number | null {
  return flops > 0 ? flops : null;
}
