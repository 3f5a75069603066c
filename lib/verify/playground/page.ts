/** What the section *Ask the critics here* does in a browser. */
import type { TokenBox } from "../../report/token_sequence.ts";
import { element, elementOf, type PageElement } from "../dom.ts";
import { ENGINE_ELEMENT } from "../page_data.ts";
import { PageEngine, unpacked, unpackedBytes } from "../page_engine.ts";
import type { Attempt, PlaygroundAnswer, PlaygroundAnswers, PlaygroundSetup } from "./messages.ts";
import { ID, SETUP_ELEMENT, WEIGHTS_ELEMENT } from "./names.ts";

/** Milliseconds from token to token. */
const PACE = 110;

const part = (name: string) => elementOf(`${ID}-${name}`);
const size = part("size"), seed = part("seed"), word = part("word"), moves = part("moves");
const ask = part("ask"), shuffle = part("shuffle"), step = part("step"), status = part("status");
const { matchMedia } = globalThis as unknown as {
  matchMedia(query: string): { readonly matches: boolean };
};

/** Counts what was asked: what comes back later than the next question is not shown. */
let turn = 0;
/** Of the attempt that was drawn last, and of the draws of its moves. */
let number = 0;
/** What was said on the way to the attempt that is shown, and of that. */
let history: PlaygroundAnswers[] = [];

async function main(): Promise<void> {
  const setup: PlaygroundSetup = JSON.parse(await unpacked(SETUP_ELEMENT));
  const engine = await PageEngine.start(await unpacked(ENGINE_ELEMENT));
  const weights = await unpackedBytes(WEIGHTS_ELEMENT);
  const { generators } = await engine.ask({ type: "playground-begin", setup, weights });
  const sizes = distinct(setup.models.map((model) => JSON.stringify(model.size)));
  const seeds = distinct(setup.models.map((model) => model.seed));
  size.replaceChildren(...sizes.map((text) => {
    const { dModel, layers } = JSON.parse(text);
    return element("option", `width ${dModel}, ${layers} layers`);
  }));
  size.selectedIndex = sizes.length - 1;
  seed.replaceChildren(...seeds.map((seed) => element("option", String(seed))));
  part("generators").textContent = generators.join("  ");

  const shown = () => attemptIn(history.at(-1));
  const run = async (next: () => Promise<Attempt>) => {
    const own = ++turn;
    try {
      const attempt = await next();
      const { answers } = await engine.ask({
        type: "playground-ask",
        attempt,
        size: JSON.parse(sizes[size.selectedIndex]!),
        seed: seeds[seed.selectedIndex]!,
      });
      if (own !== turn) return;
      await show(answers, () => own === turn);
    } catch (error) {
      if (own === turn) status.textContent = (error as Error).message.replace(/^UsageError: /, "");
    }
  };

  ask.onclick = () => run(() => Promise.resolve({ word: names(word), moves: names(moves) }));
  word.onkeydown = moves.onkeydown = ({ key }) => {
    if (key === "Enter") ask.onclick?.();
  };
  size.onchange = seed.onchange = () => {
    const attempt = shown();
    // What the last critics said does not belong to the same table.
    history = [];
    run(() => Promise.resolve(attempt));
  };
  shuffle.onclick = () =>
    run(async () => (await engine.ask({ type: "playground-shuffle", number: ++number })).attempt);
  step.onclick = () =>
    run(async () => {
      const question = { type: "playground-step", attempt: shown(), number: ++number } as const;
      return (await engine.ask(question)).attempt;
    });
  for (const control of [size, seed, word, moves, ask, shuffle]) control.disabled = false;
  shuffle.onclick();
}

/** Shows what is true of an attempt and what the critics say, the chain of thought token by token while `isWanted`. */
async function show(answers: PlaygroundAnswers, isWanted: () => boolean): Promise<void> {
  const { attempt, element: reached, distance, movesLeft, unlikeTraining } = answers;
  word.value = attempt.word.join(" ");
  moves.value = attempt.moves.join(" ");
  step.disabled = distance === 0 || movesLeft === 0;
  history = [...history.filter((before) => isEarlier(before.attempt, attempt)), answers];
  const last = attempt.moves.at(-1);
  part("state").textContent = (last ? `The last move was ${last}. ` : "") +
    `The word and ${count(attempt.moves.length, "move")} make the element ${reached}: ` +
    (distance === 0
      ? "solved. "
      : `${count(distance, "move")} from the identity at best, ${
        count(movesLeft, "move")
      } left. `) +
    (unlikeTraining.length > 0 ? `Training was different: ${unlikeTraining.join("; ")}. ` : "") +
    "The critics see the word and the moves alone.";
  const writer = answers.critics.find(({ chain }) => chain !== undefined);
  status.textContent = writer ? `${writer.title}: writing …` : "";
  valuesTable(answers, writer);
  const boxes = (writer?.chain ?? []).map(tokenBox);
  part("chain").replaceChildren(...boxes);
  part("chain").hidden = boxes.length === 0;
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const box of boxes) {
    if (!isStill) await new Promise((done) => setTimeout(done, PACE));
    if (!isWanted()) return;
    box.className = box.className.replace(" unwritten", "");
  }
  valuesTable(answers);
  historyTable();
  status.textContent = summary(answers);
  weightsList(answers);
}

/** Exact value and critics' values as numbers and bars; that of `writing` is still to come. */
function valuesTable({ exact, critics }: PlaygroundAnswers, writing?: PlaygroundAnswer): void {
  const rows = [
    row("Exact value", exact, ""),
    ...critics.map((answer) =>
      answer === writing
        ? row(answer.title, undefined, "", "writing …")
        : row(answer.title, answer.value, answer.critic, errorOf(answer, exact))
    ),
  ];
  part("values").replaceChildren(...rows);
}

function row(
  name: string,
  value: number | null | undefined,
  look: string,
  note = "",
): PageElement {
  const made = element("tr"), head = element("th", name), bar = element("td");
  head.setAttribute("scope", "row");
  if (typeof value === "number") {
    const track = element("div"), filled = element("span");
    filled.className = look;
    filled.setAttribute("style", `width:${(100 * Math.min(1, Math.max(0, value))).toFixed(1)}%`);
    track.append(filled);
    bar.append(track);
  }
  bar.className = "bar";
  made.append(head, element("td", format(value)), bar, element("td", note));
  return made;
}

function errorOf({ value }: PlaygroundAnswer, exact: number): string {
  return value === null ? "it wrote no value" : `off by ${Math.abs(value - exact).toFixed(3)}`;
}

/** What was said along this attempt: once there is more than one thing to compare. */
function historyTable(): void {
  const table = part("history");
  table.hidden = history.length < 2;
  const [first] = history;
  const head = element("tr");
  head.append(...["Moves", "Exact", ...first!.critics.map(({ title }) => title)].map((text) => {
    const cell = element("th", text);
    cell.setAttribute("scope", "col");
    return cell;
  }));
  part("history-head").replaceChildren(head);
  part("history-body").replaceChildren(...history.map(({ attempt, exact, critics }) => {
    const row = element("tr");
    row.append(
      element("td", attempt.moves.join(" ") || "none"),
      ...[exact, ...critics.map(({ value }) => value)].map((value) => element("td", format(value))),
    );
    return row;
  }));
}

function tokenBox({ text, tone = "plain", subject, label }: TokenBox): PageElement {
  const box = element("li"), mark = { right: "✓", wrong: "✗" }[tone as string];
  box.className = `${tone} unwritten`;
  box.append(element("small", subject ?? " "), element("code", text + (mark ?? "")));
  if (mark) {
    const spoken = element("span", tone);
    spoken.className = "spoken";
    box.append(spoken);
  }
  if (label) box.append(element("small", label));
  return box;
}

/** For those who hear the page: what has come out, in a sentence. */
function summary({ exact, critics }: PlaygroundAnswers): string {
  const said = critics.map(({ title, value, chain }) => {
    const tokens = chain?.filter(({ tone }) => tone === "right" || tone === "wrong") ?? [];
    const right = tokens.filter(({ tone }) => tone === "right").length;
    return `${title} ${format(value)}` +
      (tokens.length > 0 ? ` (${right} of ${tokens.length} steps right)` : "");
  });
  return `Exact ${format(exact)}; ${said.join("; ")}.`;
}

/** Whether the weights that answered are the pinned ones. */
function weightsList({ critics }: PlaygroundAnswers): void {
  part("weights").replaceChildren(
    ...critics.map(({ title, parameters, pinned }) =>
      element(
        "li",
        `${title}: ${parameters}, ${parameters === pinned ? "as pinned" : "NOT as pinned"}`,
      )
    ),
  );
}

/** Whether the actor came through `before` on its way to `now`. */
function isEarlier(before: Attempt, now: Attempt): boolean {
  return before.word.join(" ") === now.word.join(" ") && before.moves.length < now.moves.length &&
    before.moves.every((move, i) => move === now.moves[i]);
}

function attemptIn(answers: PlaygroundAnswers | undefined): Attempt {
  return answers?.attempt ?? { word: names(word), moves: names(moves) };
}

function names({ value }: PageElement): string[] {
  return String(value).split(/[\s,]+/).filter((name) => name !== "");
}

function format(value: number | null | undefined): string {
  return value === undefined ? "" : value === null ? "none" : value.toFixed(3);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

status.textContent = "Loading …";
// The engine stands further down in the page.
globalThis.addEventListener("DOMContentLoaded", () => {
  main().catch((error: Error) => status.textContent = `This does not work here: ${error.message}`);
});
