/**
 * `deno task readme`: writes what the pages say of results from pinned ones: a figure and a line for each experiment in
 * README.md, every verdict with its numbers in experiments/README.md. A test fails when they disagree.
 */
import { z } from "zod";
import { type Answer, answers } from "../../experiments/answers.ts";
import { registry } from "../../experiments/registry.ts";
import { answerOf, supported } from "../../experiments/shared/answer.ts";
import { capital } from "../../experiments/shared/verdicts.ts";
import { byFamily, verdictCounts } from "../report/verdict.ts";
import { profileConfig } from "../run/config.ts";
import { evaluateClaims } from "../run/evaluate_claims.ts";
import { type AnyExperiment, type ProfileName, PROFILES } from "../run/experiment.ts";
import { readBytes } from "../run/files.ts";
import { type Pins, pinsPath, readPins } from "../run/pins.ts";
import { type EvaluatedClaim, reproduceCommand } from "../run/run.ts";
import { ROOT } from "../root.ts";
import { clusterPage } from "./cluster_page.ts";
import { type Command, runCommand } from "./command.ts";

const START = "<!-- written by `deno task readme` from pinned results -->";
const END = "<!-- end of what is written by `deno task readme` -->";

/** An experiment as the pins of its largest profile have it. */
export interface PinnedExperiment {
  readonly experiment: AnyExperiment;
  readonly profile: ProfileName;
  readonly seeds: number;
  readonly pins: Pins;
  readonly claims: readonly EvaluatedClaim[];
}

/** The experiments that have pins, in the registry's order. */
export async function pinnedExperiments(): Promise<PinnedExperiment[]> {
  const known = await Promise.all(Object.values(registry).map((load) => load()));
  return known.flatMap(({ default: experiment }) => {
    const pinned = largestPins(experiment);
    if (!pinned) return [];
    const { seeds } = profileConfig(experiment, pinned.profile) as { seeds: readonly number[] };
    return { experiment, ...pinned, seeds: seeds.length, claims: pinnedClaims(experiment, pinned) };
  });
}

/** Text files by path, relative to the checkout, as they should be. */
export async function pages(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const front: string[] = [], verdicts: string[] = [];
  for (const { experiment, claims, pins, ...run } of await pinnedExperiments()) {
    const { name, title } = experiment;
    const figure = `experiments/${name}/figure.svg`;
    if (experiment.figure && Object.keys(files).length === 0) {
      files[figure] = `${experiment.figure(pins.summary)}\n`;
      front.push(`![${title}](${figure})`, "");
    }
    const lines = linesOf(experiment, claims, run, answers[name]);
    // Without the runs that decide there is no answer yet.
    if (run.profile === "standard") front.push(lines.front);
    verdicts.push(...lines.verdicts, "");
  }
  files["README.md"] = withBlock("README.md", front);
  files["experiments/README.md"] = withBlock("experiments/README.md", verdicts);
  const { block, svg } = await clusterPage();
  files["experiments/CLUSTER.md"] = withBlock("experiments/CLUSTER.md", block);
  files["experiments/cluster/nodes.svg"] = `${svg}\n`;
  return files;
}

/** What the front page and the page of experiments say of one. */
export function linesOf(
  { name, title, notebook }: Pick<AnyExperiment, "name" | "title" | "notebook">,
  claims: readonly EvaluatedClaim[],
  { profile, seeds }: { readonly profile: ProfileName; readonly seeds: number },
  given: Answer | undefined,
): { readonly front: string; readonly verdicts: readonly string[] } {
  const { confirmatory, exploratory } = byFamily(claims);
  const answer = answerOf(name, claims, given);
  const question = notebook ? `[${title}](notebooks/${notebook}.ipynb)` : title;
  const report = notebook ? `; report: [${notebook}](../notebooks/${notebook}.ipynb).` : ".";
  return {
    front: `- **${question}** ${answer} ([${supported(claims)}](experiments/README.md#${name}))`,
    verdicts: [
      ...[`## ${name}`, "", `**${title}** ${answer}`, ""],
      `${capital(supported(claims))}; profile ${profile}, ${seeds} ${
        seeds === 1 ? "seed" : "seeds"
      }${report}`,
      ...confirmatory.length === 0 ? [] : [
        "",
        ...tableOf(
          ["Id", "Claim", "Verdict", "Smallest effect of interest"],
          confirmatory.map((claim) => [...verdictCells(claim), claim.sesoi ?? ""]),
        ),
        ...folded(
          "The numbers behind each verdict",
          tableOf(["Id", "Numbers"], confirmatory.map(({ id, reading }) => [id, reading])),
        ),
      ],
      ...exploratory.length === 0 ? [] : folded(
        `Exploratory claims: ${verdictCounts(exploratory)}`,
        tableOf(
          ["Id", "Claim", "Verdict", "Numbers"],
          exploratory.map((claim) => [...verdictCells(claim), claim.reading]),
        ),
      ),
    ],
  };
}

function verdictCells({ id, statement, verdict }: EvaluatedClaim): string[] {
  return [id, statement, `**${verdict}**`];
}

/** A table in Markdown, as lines. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
}

/** The claims as these pinned results decide them; throws an Error where the claims have moved on since. */
export function pinnedClaims(
  experiment: AnyExperiment,
  { profile, pins }: { readonly profile: ProfileName; readonly pins: Pins },
): EvaluatedClaim[] {
  const config = profileConfig(experiment, profile);
  try {
    return evaluateClaims(experiment.claims, pins.summary, config);
  } catch (cause) {
    const command = `${reproduceCommand(experiment.name, profile)} --update-pins`;
    throw new Error(
      `experiments/${experiment.name}/pins/${profile}.json: the claims ask for more than its summary has: ${command}`,
      { cause },
    );
  }
}

/** Lines that a reader unfolds. */
function folded(summary: string, lines: readonly string[]): string[] {
  return ["", `<details><summary>${summary}</summary>`, "", ...lines, "", "</details>"];
}

/** The pins of the largest profile that has some: those that the pages speak of. */
export function largestPins(experiment: AnyExperiment) {
  for (const profile of PROFILES.toReversed()) {
    const pins = readPins(pinsPath(experiment, profile));
    if (pins) return { profile, pins };
  }
  return undefined;
}

/** The page with these lines in place of its generated block. */
function withBlock(path: string, lines: readonly string[]): string {
  try {
    const [before, after] = withoutBlock(readText(path));
    return `${before}${START}\n\n${lines.join("\n").trim()}\n\n${END}${after}`;
  } catch (error) {
    throw new Error(`${path} ${(error as Error).message}`);
  }
}

/** What a page says before and after its generated block. Throws an Error where it has none. */
export function withoutBlock(page: string): readonly [before: string, after: string] {
  const start = page.indexOf(START), end = page.indexOf(END);
  if (start < 0 || end < start) throw new Error(`has lost its markers: ${START}, ${END}`);
  return [page.slice(0, start), page.slice(end + END.length)];
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
