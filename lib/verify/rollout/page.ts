/** What the section *Credit under the pointer* does in a browser. */
import { element, elementOf, type PageElement } from "../dom.ts";
import type { CreditedRollout, CreditedToken } from "./credit.ts";
import { DATA_ELEMENT, ID } from "./names.ts";

const part = (name: string) => elementOf(`${ID}-${name}`);
const rollouts: CreditedRollout[] = JSON.parse(elementOf(DATA_ELEMENT).textContent);
const task = part("task");

/** Shows a task's response; its most harmful token is looked at first. */
function showTask(): void {
  const rollout = rollouts[task.selectedIndex]!;
  part("problem").textContent = rollout.problem;
  const credits = rollout.tokens.flatMap(({ exact, credited }) => [exact, ...credited]);
  const scale = credits.reduce((most, credit) => Math.max(most, Math.abs(credit)), 0) || 1;
  const worst = rollout.tokens.reduce((a, b) => b.exact < a.exact ? b : a);
  part("tokens").replaceChildren(...rollout.tokens.map((token) => {
    const label = element("label"), radio = element("input");
    radio.setAttribute("type", "radio");
    radio.setAttribute("name", ID);
    if (token === worst) radio.setAttribute("checked", "");
    const look = () => showToken(rollout, token, scale);
    radio.onchange = look;
    label.onmouseenter = () => {
      radio.checked = true;
      look();
    };
    label.className = token.exact < -0.1 ? "wrong" : token.exact > 0.1 ? "right" : "plain";
    label.append(
      radio,
      element("small", token.subject),
      element("code", token.text),
      element("small", signed(token.exact)),
    );
    return label;
  }));
  showToken(rollout, worst, scale);
}

/** Shows what each method credits a token with; bars of length 1 have that many units of reward. */
function showToken({ methods }: CreditedRollout, token: CreditedToken, scale: number): void {
  const { credited, exact, probability, subject, text } = token;
  part("title").textContent = `${subject}: ${text}, written with probability ${
    probability.toFixed(2)
  }`;
  part("values").replaceChildren(
    row("Exact", exact, scale, ""),
    ...methods.map((name, i) =>
      row(name, credited[i]!, scale, `off by ${Math.abs(credited[i]! - exact).toFixed(2)}`)
    ),
  );
}

function row(name: string, credit: number, scale: number, note: string): PageElement {
  const made = element("tr"), head = element("th", name), bar = element("td");
  head.setAttribute("scope", "row");
  const track = element("div"), filled = element("span");
  const width = 50 * Math.abs(credit) / scale;
  filled.className = credit < 0 ? "blame" : "credit";
  filled.setAttribute(
    "style",
    `width:${width.toFixed(1)}%;margin-left:${(credit < 0 ? 50 - width : 50).toFixed(1)}%`,
  );
  track.append(filled);
  bar.append(track);
  bar.className = "bar";
  made.append(head, element("td", signed(credit)), bar, element("td", note));
  return made;
}

/** "+0.31", "−0.54". */
function signed(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  return digits === "0.00" ? digits : `${value < 0 ? "−" : "+"}${digits}`;
}

task.replaceChildren(...rollouts.map(({ task }) => element("option", task)));
task.onchange = showTask;
showTask();
part("view").hidden = false;
part("none").hidden = true;
