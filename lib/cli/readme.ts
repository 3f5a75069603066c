/**
 * `deno task readme`: writes the claims table and the figure on the front page from pinned results. A test fails when
 * they disagree.
 */
import { z } from "zod";
import { registry } from "../../experiments/registry.ts";
import { type AnyExperiment, type ProfileName, PROFILES } from "../run/experiment.ts";
import { resolveConfig } from "../run/config.ts";
import { readBytes } from "../run/files.ts";
import { pinsPath, readPins } from "../run/pins.ts";
import { ROOT } from "../root.ts";
import { type Command, runCommand } from "./command.ts";

const START = "<!-- claims: written by `deno task readme` from pinned results -->";
const END = "<!-- end of claims -->";

const TABLE = ["| | Claim | Verdict here | Report |", "|---|---|---|---|"];
/** The ids of the paper's claims and their parts; the others are ours. */
const PAPERS = /^C\d/;

/** Text files by path, relative to the checkout, as they should be. */
export async function frontPage(): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const paper: string[] = [], ours: string[] = [], numbers: string[] = [];
  let picture: string | undefined;
  for (const [name, load] of Object.entries(registry)) {
    const { default: experiment } = await load();
    const newest = bestPins(experiment);
    if (!newest) continue;
    const { profile, pins } = newest;
    const { config } = resolveConfig(experiment, profile);
    const { seeds } = config as { seeds: readonly number[] };
    const report = experiment.notebook ? `[${name}](notebooks/${experiment.notebook}.ipynb)` : name;
    for (const claim of experiment.claims) {
      const { verdict, reading } = claim.evaluate(pins.summary);
      (PAPERS.test(claim.id) ? paper : ours).push(
        `| ${claim.id} | ${
          cell(claim.statement)
        } | **${verdict}** | ${report}, ${profile}, ${seeds.length} seeds |`,
      );
      numbers.push(`| ${claim.id} | ${cell(reading)} |`);
    }
    const path = `experiments/${name}/figure.svg`;
    if (!picture && experiment.figure) {
      files[path] = `${experiment.figure(pins.summary)}\n`;
      picture = `![${experiment.title}](${path})`;
    }
  }
  const block = [
    ...(picture ? [picture, ""] : []),
    "Every row is computed from pinned results, which",
    "`deno task reproduce --experiment NAME --profile PROFILE` recomputes to the last digit.",
    "",
    ...TABLE,
    ...paper,
    "",
    "<details><summary>What theory and sceptics would expect: the complexity ladder, controls, how a critic is trained</summary>",
    "",
    ...TABLE,
    ...ours,
    "",
    "</details>",
    "",
    "<details><summary>The numbers behind each verdict</summary>",
    "",
    "| | Numbers |",
    "|---|---|",
    ...numbers,
    "",
    "</details>",
  ].join("\n");
  const [head, tail] = cut(readText("README.md"));
  files["README.md"] = `${head}${START}\n\n${block}\n\n${END}${tail}`;
  return files;
}

/** Text in a cell of a Markdown table. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The pins of the largest profile that has some. */
function bestPins(experiment: AnyExperiment) {
  for (const profile of PROFILES.toReversed() as ProfileName[]) {
    const pins = readPins(pinsPath(experiment, profile));
    if (pins) return { profile, pins };
  }
  return undefined;
}

/** What stands before and after the generated block. */
function cut(readme: string): [string, string] {
  const start = readme.indexOf(START), end = readme.indexOf(END);
  if (start < 0 || end < start) {
    throw new Error(`README.md has lost its markers: ${START} and ${END}`);
  }
  return [readme.slice(0, start), readme.slice(end + END.length)];
}

function readText(path: string): string {
  return new TextDecoder().decode(readBytes(`${ROOT}${path}`, "restore the file from git"));
}

/** Paths of front-page files that are not what the pins say. */
export async function staleFrontPage(): Promise<string[]> {
  const files = await frontPage();
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
  summary: "Writes the README's claims table and figure from the pinned results.",
  flags,
  run: async () => {
    for (const [path, text] of Object.entries(await frontPage())) {
      // In place: the task may not make files beside the README, and git has the old ones.
      Deno.writeTextFileSync(`${ROOT}${path}`, text);
      console.log(`wrote ${path}`);
    }
    return 0;
  },
};

if (import.meta.main) await runCommand(command);
