/** What the section *Verify this report here* does in a browser. */
import {
  compareCell,
  compareConclusions,
  type Comparison,
  isEqual,
  type Row,
} from "./comparison.ts";
import type { RecomputedCell } from "./messages.ts";
import { DATA_ELEMENT, ENGINE_ELEMENT, type PageData } from "./page_data.ts";
import { PageEngine, unpacked } from "./page_engine.ts";
import type { PinnedCell, PinnedProfile } from "./pinned.ts";
import { element, elementOf, type PageElement } from "./dom.ts";

/** FLOPs a second until one has been measured: what a laptop does. */
let speed = 6e9;

const part = (name: string) => elementOf(`genac-verify-${name}`);
const choice = part("cell"), one = part("one"), all = part("all"), cancel = part("cancel");
const bar = part("progress"), status = part("status"), result = part("result");

let engine: PageEngine | undefined;
let isCancelled = false;

async function main(): Promise<void> {
  const data: PageData = JSON.parse(await unpacked(DATA_ELEMENT));
  const script = await unpacked(ENGINE_ELEMENT);
  const [first] = data.profiles as [PinnedProfile];
  const cells = data.profiles.flatMap((profile) => profile.cells.map((pin) => ({ profile, pin })));

  const describe = () => {
    const chosen = Math.max(0, choice.selectedIndex);
    choice.replaceChildren(...data.profiles.map(({ profile, cells }) => {
      const group = element("optgroup");
      group.label = `profile ${profile}`;
      group.append(...cells.map(({ id, cost }) => element("option", `${id} (${duration(cost)})`)));
      return group;
    }));
    choice.selectedIndex = chosen;
    const cost = first.cells.reduce((sum, cell) => sum + cell.cost, 0);
    all.textContent = `The whole ${first.profile} profile: ${first.cells.length} runs (${
      duration(cost)
    })`;
  };

  /** Trains one cell; `before` and `whole` are in FLOPs, for the progress. */
  const train = async (
    { profile, pin }: { profile: PinnedProfile; pin: PinnedCell },
    before: number,
    whole: number,
  ): Promise<{ got: RecomputedCell; comparison: Comparison; seconds: number }> => {
    engine ??= await PageEngine.start(script);
    if (isCancelled) throw new Error("cancelled");
    const { sha256 } = await engine.ask({ type: "hash", text: script });
    const start = performance.now();
    const question = {
      type: "cell",
      experiment: data.experiment,
      profile: profile.profile,
      cell: pin.id,
    } as const;
    const got = await engine.ask(question, (done, total) => {
      bar.value = (before + pin.cost * done / total) / whole;
    });
    const seconds = (performance.now() - start) / 1000;
    if (seconds > 0.5) speed = pin.cost / seconds;
    const comparison = compareCell(pin, profile, got, { pinned: data.bundle, computed: sha256 });
    return { got, comparison, seconds };
  };

  const run = async (button: PageElement, work: () => Promise<void>) => {
    isCancelled = false;
    one.disabled = all.disabled = choice.disabled = true;
    cancel.disabled = bar.hidden = false;
    // A button that is disabled would lose the keyboard's focus to the page's beginning.
    cancel.focus();
    bar.value = 0;
    result.replaceChildren();
    status.className = "";
    try {
      await work();
    } catch (error) {
      engine?.stop();
      engine = undefined;
      if (isCancelled) status.textContent = "Cancelled.";
      else say(false, `Not verified: ${(error as Error).message}`);
    }
    one.disabled = all.disabled = choice.disabled = false;
    button.focus();
    cancel.disabled = bar.hidden = true;
    describe();
  };

  one.onclick = () =>
    run(one, async () => {
      const chosen = cells[choice.selectedIndex]!;
      const { id, cost } = chosen.pin;
      status.textContent = `Training ${id}: ${duration(cost)} …`;
      const { comparison: { equal, hashes, numbers }, seconds } = await train(chosen, 0, cost);
      say(
        equal,
        equal
          ? `Equal: ${id}, trained again in this browser, has the pinned parameters and metrics to the last bit. ${
            took(seconds)
          }`
          : `NOT equal: ${id}, trained again in this browser, is not what is pinned. ${
            took(seconds)
          }`,
      );
      result.append(table("Hashes (SHA-256)", hashes), table("Metrics", numbers));
    });

  all.onclick = () =>
    run(all, async () => {
      const whole = first.cells.reduce((sum, { cost }) => sum + cost, 0);
      const trained: Record<string, RecomputedCell> = {};
      const rows: Row[] = [];
      let before = 0, seconds = 0, equalCells = 0;
      for (const pin of first.cells) {
        status.textContent = `Training run ${rows.length + 1} of ${first.cells.length} …`;
        const done = await train({ profile: first, pin }, before, whole);
        trained[pin.id] = done.got;
        before += pin.cost;
        seconds += done.seconds;
        if (done.comparison.equal) equalCells++;
        const { hashes, numbers } = done.comparison;
        const differing = [...hashes, ...numbers].filter((row) => !isEqual(row));
        const computed = differing.map(({ what }) => what).join(", ") || "as pinned";
        rows.push({ what: pin.id, pinned: "as pinned", computed });
      }
      const { experiment } = data;
      const { profile } = first;
      const got = await engine!.ask({ type: "conclusions", experiment, profile, cells: trained });
      const conclusions = compareConclusions(first, got);
      const equal = conclusions.equal && equalCells === rows.length;
      say(
        equal,
        equal
          ? `Equal: all ${rows.length} runs, the summary and the verdicts. ${took(seconds)}`
          : `NOT equal: ${equalCells} of ${rows.length} runs are; summary and verdicts are ${
            conclusions.equal ? "equal" : "not"
          }. ${took(seconds)}`,
      );
      result.append(table("Runs", rows), table("Conclusions", conclusions.hashes));
    });

  cancel.onclick = () => {
    isCancelled = true;
    engine?.stop();
  };

  describe();
  choice.selectedIndex = nearest(first.cells.map(({ cost }) => cost / speed), 1);
  one.disabled = all.disabled = false;
  status.textContent = "";
}

function say(equal: boolean, text: string): void {
  status.className = equal ? "genac-equal" : "genac-not-equal";
  status.textContent = text;
}

/** The index of the value that is, as a ratio, nearest to `target`. */
function nearest(values: readonly number[], target: number): number {
  const ratios = values.map((value) => Math.max(value / target, target / value));
  return ratios.indexOf(Math.min(...ratios));
}

/** How long work of this many FLOPs will take. */
function duration(cost: number): string {
  const seconds = Math.max(1, Math.round(cost / speed));
  if (seconds < 100) return `about ${seconds} s`;
  return seconds < 6000
    ? `about ${Math.round(seconds / 60)} min`
    : `about ${Math.round(seconds / 3600)} h`;
}

function took(seconds: number): string {
  return `${seconds.toFixed(1)} s on one thread, WebAssembly of ${navigator.userAgent}.`;
}

function table(title: string, rows: readonly Row[]): PageElement {
  const made = element("table"), head = element("thead"), body = element("tbody");
  made.append(element("caption", title), head, body);
  const heads = ["", "pinned", "computed here", ""].map((text) => {
    const cell = element(text === "" ? "td" : "th", text);
    if (text !== "") cell.setAttribute("scope", "col");
    return cell;
  });
  const top = element("tr");
  top.append(...heads);
  head.append(top);
  for (const row of rows) {
    const line = element("tr"), name = element("th", row.what);
    name.setAttribute("scope", "row");
    line.append(
      name,
      ...[row.pinned, row.computed].map((text) => element("td", text)),
      element("td", isEqual(row) ? "equal" : "NOT equal"),
    );
    line.className = isEqual(row) ? "genac-equal" : "genac-not-equal";
    body.append(line);
  }
  // Wide on a phone: it scrolls by itself, by keyboard too.
  const frame = element("div");
  frame.className = "genac-verify-table";
  frame.setAttribute("tabindex", "0");
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", title);
  frame.append(made);
  return frame;
}

main().catch((error) => say(false, `This does not work here: ${error.message}`));
