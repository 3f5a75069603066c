import credit from "../../../experiments/credit/mod.ts";
import type { CreditSummary } from "../../../experiments/credit/summary.ts";
import { BASELINE_STYLE } from "../../report/theme.ts";
import { TONES } from "../../report/token_sequence.ts";
import { type ProfileName, PROFILES } from "../../run/experiment.ts";
import { pinsPath, readPins } from "../../run/pins.ts";
import { bundle } from "../bundle.ts";
import { creditedRollouts } from "./credit.ts";
import { DATA_ELEMENT, ID } from "./names.ts";

/** Where a notebook wants the section: a line of Markdown that nobody sees. */
const PLACE = "<!-- rollout -->";
const PAGE = import.meta.resolve("./page.ts");

/**
 * A report with one pinned rollout of the experiment credit whose tokens can be pointed at, where its notebook wants it. As
 * it is where it wants none, or where the profile has no pins.
 *
 * @param profile Whose rollout; anything else than a profile counts as "smoke".
 */
export async function withRollout(html: string, profile: unknown): Promise<string> {
  if (!html.includes(PLACE)) return html;
  const shown = PROFILES.find((name): name is ProfileName => name === profile) ?? "smoke";
  const pins = readPins(pinsPath(credit, shown));
  if (!pins) return html;
  const rollouts = creditedRollouts(pins.summary as unknown as CreditSummary);
  const { text } = await bundle(PAGE);
  return html.replace(PLACE, () => rolloutSection(JSON.stringify(rollouts), text));
}

/** The section with these rollouts, as JSON. */
function rolloutSection(rollouts: string, script: string): string {
  return `<div id="${ID}">
<style>${STYLE}</style>
<h3>Credit under the pointer</h3>
<p>Point at a token, or go through them with the arrow keys: the table has what each method credits it with, in units of reward (GRPO: of its group's standard deviation), beside the exact change of the probability of success, which also stands below each token.</p>
<p id="${ID}-none">This needs scripts, which do not run here; the lines below show the central methods.</p>
<div id="${ID}-view" hidden>
<p><label>Task <select id="${ID}-task"></select></label></p>
<details><summary>The problem</summary><pre id="${ID}-problem" tabindex="0"></pre></details>
<fieldset><legend>The response</legend><div id="${ID}-tokens"></div></fieldset>
<div class="values"><table><caption id="${ID}-title"></caption><tbody id="${ID}-values"></tbody></table></div>
</div>
<script type="application/json" id="${DATA_ELEMENT}">${rollouts.replaceAll("<", "\\u003c")}</script>
<script>${script.replaceAll("</script", "<\\/script")}</script>
</div>`;
}

const tones = (["right", "wrong", "plain"] as const).map((tone) =>
  `#${ID} label.${tone} { border-color: ${TONES[tone].border}; background: ${TONES[tone].fill}; }`
).join("\n");

const STYLE = `
#${ID} fieldset { border: none; padding: 0; margin: 0.6em 0; min-width: 0; }
#${ID} legend { font-weight: 600; padding: 0; }
#${ID}-tokens { display: flex; flex-wrap: wrap; gap: 4px; }
#${ID}-tokens label { display: flex; flex-direction: column; align-items: center; position: relative; padding: 1px 6px; border: 1.5px solid; border-radius: 4px; color: #1f2328; line-height: 1.35; font-size: 13px; cursor: pointer; }
#${ID}-tokens input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
#${ID}-tokens label:has(:checked) { outline: 2px solid #0b57d0; outline-offset: 1px; }
#${ID}-tokens label:has(:focus-visible) { outline-width: 4px; }
#${ID}-tokens small { font-size: 75%; color: ${BASELINE_STYLE.color}; }
#${ID}-tokens code { background: none; font-size: 13px; color: inherit; }
#${ID} .values { overflow-x: auto; }
#${ID} table { border-collapse: collapse; font-size: 14px; margin: 0.6em 0; width: 100%; font-variant-numeric: tabular-nums; table-layout: auto; }
#${ID} caption { text-align: left; font-weight: 600; }
#${ID} tr, #${ID} tbody tr:hover { background: none; }
#${ID} th, #${ID} td { text-align: left; padding: 0.1em 0.8em 0.1em 0; font-weight: normal; max-width: none; }
#${ID} tbody tr:first-child th, #${ID} tbody tr:first-child td { font-weight: 600; }
#${ID} .bar { width: 40%; min-width: 6em; }
#${ID} .bar div { background: linear-gradient(90deg, #8883 calc(50% - 0.5px), #888 0, #888 calc(50% + 0.5px), #8883 0); }
#${ID} .bar span { display: block; height: 0.8em; }
#${ID} .blame { background: ${TONES.wrong.border}; }
#${ID} .credit { background: ${TONES.right.border}; }
@media (max-width: 480px) { #${ID} td:last-child { display: none; } }
@media print { #${ID} { display: none; } }
${tones}
`;
