import { BASELINE_STYLE, criticStyle } from "../../report/theme.ts";
import { TONES } from "../../report/token_sequence.ts";
import { bundle } from "../bundle.ts";
import { packed } from "../section.ts";
import { playgroundModels, PROFILE } from "./models.ts";
import { ID, SETUP_ELEMENT, WEIGHTS_ELEMENT } from "./names.ts";

const PAGE = import.meta.resolve("./page.ts");

/** Where a notebook wants the section: a line of Markdown that nobody sees. */
const PLACE = "<!-- playground -->";

/**
 * A report with the section *Ask the critics here* where its notebook wants it, the critics' weights included. The engine is
 * the one that `makeVerifiable` puts into the page. As it is where the notebook wants none.
 *
 * @param progress Is told what takes long.
 * @throws Error as `playgroundModels`.
 */
export async function withPlayground(
  html: string,
  progress: (text: string) => void,
): Promise<string> {
  if (!html.includes(PLACE)) return html;
  const section = await playgroundSection(progress);
  return html.replace(PLACE, () => section);
}

async function playgroundSection(progress: (text: string) => void): Promise<string> {
  const [{ setup, weights }, page] = await Promise.all([playgroundModels(progress), bundle(PAGE)]);
  const { epsilon } = setup.actor;
  const colors = setup.models.map(({ critic }) =>
    `#${ID} .bar .${critic} { background: ${criticStyle(critic).color}; }\n`
  );
  return `<section id="${ID}" aria-labelledby="${ID}-title">
<style>${STYLE}${[...new Set(colors)].join("")}</style>
<h2 id="${ID}-title">Ask the critics here</h2>
<p>Two critics of <i>scaling</i>'s profile ${PROFILE} answer in your browser: their weights are in this page. Both were taught the exact values of an actor that moves at random with probability ${epsilon}. One answers at once, the other writes a chain of thought first. Shuffle an attempt or type one, let the actor move, and see which of them you would believe.</p>
<p class="controls"><label>Size <select id="${ID}-size" disabled></select></label>
<label>Seed <select id="${ID}-seed" disabled></select></label></p>
<p class="controls"><label class="wide">Scramble word <input id="${ID}-word" type="text" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="${ID}-hint" disabled></label>
<label class="wide">Moves so far <input id="${ID}-moves" type="text" autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="${ID}-hint" disabled></label></p>
<p class="hint" id="${ID}-hint">Of the generators <code id="${ID}-generators"></code>, with spaces between them.</p>
<p class="controls"><button type="button" id="${ID}-ask" disabled>Ask the critics</button>
<button type="button" id="${ID}-shuffle" disabled>Shuffle</button>
<button type="button" id="${ID}-step" disabled>Let the actor move</button></p>
<p id="${ID}-state"></p>
<table><caption class="spoken">Values of this attempt</caption><tbody id="${ID}-values"></tbody></table>
<ol id="${ID}-chain" aria-label="Chain of thought: above each token what it is about" hidden></ol>
<p id="${ID}-status" role="status">This needs scripts, which do not run here: open the file in a browser.</p>
<table id="${ID}-history" class="history" hidden><caption>Along this attempt</caption><thead id="${ID}-history-head"></thead><tbody id="${ID}-history-body"></tbody></table>
<details><summary>Which weights these are</summary>
<p>They are float32, as trained. Their SHA-256, computed here, beside the pinned one of <code>experiments/scaling/pins/${PROFILE}.json</code>:</p>
<ul id="${ID}-weights"></ul></details>
${packed(SETUP_ELEMENT, JSON.stringify(setup))}
${packed(WEIGHTS_ELEMENT, weights)}
<script>${page.text.replaceAll("</script", "<\\/script")}</script>
</section>`;
}

const tones = Object.entries(TONES).map(([tone, { border, fill }]) =>
  `#${ID} .${tone} { border-color: ${border}; background: ${fill}; }`
).join("\n");

const STYLE = `
#${ID} { font: 15px/1.6 system-ui, sans-serif; margin-top: 2em; border-top: 1px solid #8888; padding-top: 1em; }
#${ID} .controls { display: flex; flex-wrap: wrap; gap: 0.5em 1em; align-items: end; margin: 0.6em 0; }
#${ID} select, #${ID} input, #${ID} button { font: inherit; padding: 0.2em 0.5em; }
#${ID} .wide { flex: 1 1 16em; }
#${ID} .wide input { display: block; width: 100%; box-sizing: border-box; font-family: ui-monospace, monospace; }
#${ID} .hint { margin: 0.2em 0; font-size: 13px; opacity: 0.8; }
#${ID} .hint code { white-space: pre-wrap; }
#${ID} table { border-collapse: collapse; font-size: 14px; margin: 0.6em 0; width: 100%; font-variant-numeric: tabular-nums; table-layout: auto; }
#${ID} caption { text-align: left; font-weight: 600; }
#${ID} tr, #${ID} tbody tr:hover { background: none; }
#${ID} th, #${ID} td { text-align: left; padding: 0.2em 0.8em 0.2em 0; font-weight: normal; max-width: none; }
#${ID} .bar { width: 45%; }
#${ID} .bar div { background: #8883; }
#${ID} .bar span { display: block; height: 0.9em; min-width: 1px; background: ${BASELINE_STYLE.color}; }
#${ID} .history { width: auto; }
#${ID} .history th { font-weight: 600; }
#${ID} ol { list-style: none; display: flex; flex-wrap: wrap; gap: 4px; padding: 0; margin: 0.6em 0; }
#${ID} ol li { display: flex; flex-direction: column; align-items: center; padding: 1px 6px; border: 1.5px solid; border-radius: 4px; color: #1f2328; line-height: 1.35; font-size: 13px; }
#${ID} ol small { font-size: 75%; color: #59636e; }
#${ID} ol code { background: none; font-size: 13px; color: inherit; }
#${ID} .unwritten { visibility: hidden; }
#${ID} ul { font-size: 13px; overflow-wrap: anywhere; }
#${ID} .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 480px) { #${ID} .bar { width: 25%; } }
@media print { #${ID} { display: none; } }
${tones}
`;
