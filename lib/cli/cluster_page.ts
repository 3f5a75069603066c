/** What experiments/CLUSTER.md says of how long the standard profiles take on many nodes: simulated from the cells' costs. */
import { registry } from "../../experiments/registry.ts";
import { figure } from "../report/figure.ts";
import { DISPLAY } from "../report/mime.ts";
import { formatDuration, formatNumber } from "../report/format.ts";
import { profileConfig } from "../run/config.ts";
import { pinsPath, readPins } from "../run/pins.ts";
import { schedule } from "../run/schedule.ts";

/** Of a thread, in GFLOP by the cells' estimated costs a second: the standard profiles' 473,000 took 2.2 hours on two. */
const RATE = 30;
/** Seconds that a job of Snakemake takes on top of its cell, measured on one machine. */
const OVERHEAD = 7;
const NODES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const SHOWN = [1, 2, 10, 100, 1000];
/** Four times the seeds: 20 where the profile has five. */
const SEEDS = [1, 4] as const;

/** The block of text and the figure. */
export async function clusterPage(): Promise<{ block: string[]; svg: string }> {
  const cells: { readonly experiment: string; readonly seconds: number }[] = [];
  for (const load of Object.values(registry)) {
    const { default: experiment } = await load();
    // What has not been run is no measure.
    if (!readPins(pinsPath(experiment, "standard"))) continue;
    const config = profileConfig(experiment, "standard");
    const { name } = experiment;
    cells.push(
      ...experiment.cells(config)
        .map(({ cost }) => ({ experiment: name, seconds: OVERHEAD + cost / 1e9 / RATE })),
    );
  }
  const series = SEEDS.map((times) => {
    const durations = Array.from({ length: times }, () => cells.map(({ seconds }) => seconds))
      .flat();
    return {
      times,
      durations,
      at: NODES.map((nodes) => ({ nodes, ...schedule(durations, nodes) })),
    };
  });
  const title = (times: number) => times === 1 ? "standard profiles" : `${times} times the seeds`;
  const longest = cells.reduce((a, b) => b.seconds > a.seconds ? b : a);
  const drawn = figure({
    title: "All standard profiles on more nodes, simulated",
    x: { title: "nodes of one thread", scale: "log" },
    y: { title: "minutes", scale: "log" },
    series: series.map(({ times, at }) => ({
      kind: "line" as const,
      name: title(times),
      points: at.map(({ nodes, makespan }) => ({ x: nodes, y: makespan / 60 })),
    })),
  });
  const rows = SHOWN.map((nodes) => {
    const columns = series.flatMap(({ at }) => {
      const { makespan, idle } = at.find((one) => one.nodes === nodes)!;
      return [formatDuration(makespan), `${formatNumber(100 * idle, { decimals: 0 })}%`];
    });
    return `| ${formatNumber(nodes)} | ${columns.join(" | ")} |`;
  });
  const counts = series.map(({ durations }) => formatNumber(durations.length));
  const block = [
    "![All standard profiles on more nodes, simulated](cluster/nodes.svg)",
    "",
    `| nodes of one thread | ${counts[0]} cells | idle | ${
      counts[1]
    } cells (four times the seeds) | idle |`,
    "| ---: | ---: | ---: | ---: | ---: |",
    ...rows,
    "",
    `Simulated from the cells' estimated costs at ${RATE} GFLOP a second and thread, ${OVERHEAD} seconds a job`,
    `on top, the longest cell first. The longest cell, of ${longest.experiment}, takes ${
      formatDuration(longest.seconds)
    }: no number of nodes`,
    "makes a run shorter than that, only more threads for the cell do, and nodes beyond the work divided by it wait.",
  ];
  return { block, svg: drawn[DISPLAY]()["image/svg+xml"]! };
}
