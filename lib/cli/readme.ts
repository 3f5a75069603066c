/**
 * `deno task readme`: writes what the pages say of results from pinned ones: a figure and a line for each experiment in
 * README.md, every verdict with its numbers in experiments/README.md. A test fails when they disagree.
 */
import { z } from "zod";
import { type Answer, answers } from "../../experiments/answers.ts";
import { registry } from "../../experiments/registry.ts";
import { capital } from "../../experiments/shared/verdicts.ts";
import { type AnyExperiment, PROFILES, type Verdict } from "../run/experiment.ts";
import { resolveConfig } from "../run/config.ts";
import { readBytes } from "../run/files.ts";
import { pinsPath, readPins } from "../run/pins.ts";
import { ROOT } from "../root.ts";
import { type Command, runCommand } from "./command.ts";

const START = "<!-- written by `deno task readme` from pinned results -->";
const END = "<!-- end of what is written by `deno task readme` -->";

/** A claim as the pinned results decide it. */
interface Row extends Verdict {
  readonly id: string;
  readonly statement: string;
}

/** Text files by path, relative to the checkout, as they should be. */
export async function pages(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const front: string[] = [], verdicts: string[] = [];
  for (const [name, load] of Object.entries(registry)) {
    const { default: experiment } = await load();
    const largest = largestPins(experiment);
    if (!largest) continue;
    const { profile, pins } = largest;
    const rows = experiment.claims.map((claim): Row => ({
      id: claim.id,
      statement: claim.statement,
      ...claim.evaluate(pins.summary),
    }));
    const figure = `experiments/${name}/figure.svg`;
    if (experiment.figure && Object.keys(files).length === 0) {
      files[figure] = `${experiment.figure(pins.summary)}\n`;
      front.push(`![${experiment.title}](${figure})`, "");
    }
    const { title, notebook } = experiment;
    const answer = answerOf(name, rows, answers[name]);
    const links = [
      `[${supported(rows)}](experiments/README.md#${name})`,
      ...notebook ? [`[report](notebooks/${notebook}.ipynb)`] : [],
    ].join(", ");
    front.push(`- **${title}** ${answer} (${links})`);
    const { config } = resolveConfig(experiment, profile);
    const { seeds } = config as { seeds: readonly number[] };
    verdicts.push(
      ...[`## ${name}`, "", `**${title}** ${answer}`, ""],
      `${supported(rows)}; profile ${profile}, ${seeds.length} seeds` +
        (notebook ? `; report: [${notebook}](../notebooks/${notebook}.ipynb).` : "."),
      ...["", "| Id | Claim | Verdict |", "|---|---|---|"],
      ...rows.map((row) => `| ${row.id} | ${cell(row.statement)} | **${row.verdict}** |`),
      ...["", "<details><summary>The numbers behind each verdict</summary>", ""],
      ...["| Id | Numbers |", "|---|---|"],
      ...rows.map((row) => `| ${row.id} | ${cell(row.reading)} |`),
      ...["", "</details>", ""],
    );
  }
  files["README.md"] = withBlock("README.md", front);
  files["experiments/README.md"] = withBlock("experiments/README.md", verdicts);
  return files;
}

/**
 * An experiment's answer in a sentence; without one of its own, its first claim's verdict.
 *
 * @throws Error if the sentence rests on other verdicts than these.
 */
export function answerOf(
  name: string,
  rows: readonly Pick<Row, "id" | "statement" | "verdict">[],
  answer: Answer | undefined,
): string {
  if (!answer) return `${capital(rows[0]!.verdict)}: ${rows[0]!.statement}`;
  for (const [id, given] of Object.entries(answer.given)) {
    const verdict = rows.find((row) => row.id === id)?.verdict;
    if (verdict !== given) {
      throw new Error(
        `experiments/answers.ts: ${name}: the sentence rests on "${given}" for ${id}, which is ` +
          `"${verdict}": write it anew`,
      );
    }
  }
  return answer.sentence;
}

/** "2 of 5 claims supported". */
function supported(rows: readonly Pick<Row, "verdict">[]): string {
  const count = rows.filter(({ verdict }) => verdict === "supported").length;
  return `${count} of ${rows.length} claims supported`;
}

/** Text in a cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The pins of the largest profile that has some. */
function largestPins(experiment: AnyExperiment) {
  for (const profile of PROFILES.toReversed()) {
    const pins = readPins(pinsPath(experiment, profile));
    if (pins) return { profile, pins };
  }
  return undefined;
}

/** The page with these lines in place of its generated block. */
function withBlock(path: string, lines: readonly string[]): string {
  const page = readText(path);
  const start = page.indexOf(START), end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${path} has lost its markers: ${START}, ${END}`);
  return `${page.slice(0, start)}${START}\n\n${lines.join("\n").trim()}\n\n${page.slice(end)}`;
}

function readText(path: string): string {
  return new TextDecoder().decode(readBytes(`${ROOT}${path}`, "restore the file from git"));
}

/** Paths of pages that are not what the pins say. */
export async function stalePages(): Promise<string[]> {
  const files = await pages();
  return Object.keys(files).filter((path) => {
    try {
      return readText(path) !== files[path];
    } catch {
      return true;
    }
  });
}

const flags = z.strictObject({});

const command: Command<typeof flags.shape> = {
  name: "readme",
  summary: "Writes what README.md and experiments/README.md say of results, from the pinned ones.",
  flags,
  run: async () => {
    for (const [path, text] of Object.entries(await pages())) {
      // In place: the task may not make files beside the README, and git has the old ones.
      Deno.writeTextFileSync(`${ROOT}${path}`, text);
      console.log(`wrote ${path}`);
    }
    return 0;
  },
};

if (import.meta.main) await runCommand(command);
