import { gzipSync } from "node:zlib";
import type { AnyExperiment, ProfileName } from "../run/experiment.ts";
import { bundle, engineBundle } from "./bundle.ts";
import { DATA_ELEMENT, ENGINE_ELEMENT, type PageData } from "./page_data.ts";
import { pinnedProfile } from "./pinned.ts";

const PAGE = import.meta.resolve("./page.ts");

/**
 * The section *Verify this report here* of a report: HTML with all that it needs, the engine included. Empty for an
 * experiment without pins.
 *
 * @param own Whether the report is about this experiment; if not, the section says that it is another's.
 */
export async function verifySection(
  experiment: AnyExperiment,
  profile: ProfileName,
  own: boolean,
): Promise<string> {
  const names = [...new Set<ProfileName>(["smoke", profile])];
  const profiles = names.flatMap((name) => pinnedProfile(experiment, name) ?? []);
  if (profiles.length === 0) return "";
  const [engine, page] = await Promise.all([engineBundle(), bundle(PAGE)]);
  const data: PageData = {
    experiment: experiment.name,
    bundle: engine.sha256,
    profiles,
  };
  const about = own
    ? "The numbers of this report come from training runs whose results are pinned: parameters and metrics are the same on every machine, to the last bit."
    : `What this report shows rests on an engine whose results are the same on every machine, to the last bit; those of the experiment <i>${experiment.name}</i> are pinned.`;
  return `<section id="genac-verify" aria-labelledby="genac-verify-title">
<style>${STYLE}</style>
<h2 id="genac-verify-title">Verify this report here</h2>
<p>${about} The engine is in this page: your browser can train a run again and compare. Nothing is loaded or sent.</p>
<p><label for="genac-verify-cell">Training run</label> <select id="genac-verify-cell"></select></p>
<p><button type="button" id="genac-verify-one" disabled>Train it again and compare</button>
<button type="button" id="genac-verify-all" disabled>The whole smoke profile</button>
<button type="button" id="genac-verify-cancel" disabled>Cancel</button></p>
<p><progress id="genac-verify-progress" aria-label="Progress of the training" value="0" max="1" hidden></progress></p>
<p id="genac-verify-status" role="status">This needs scripts, which do not run here: open the file in a browser.</p>
<div id="genac-verify-result"></div>
<details><summary>What is compared, and how to check the engine itself</summary>
<p>The pins are <code>experiments/${experiment.name}/pins/</code> of the kit's repository. Compared are the SHA-256 of the trained parameters, of all metrics, of the configuration and of the WebAssembly kernels; of a whole profile also that of the summary, and the verdicts. The engine's script, the bundle, has the SHA-256 <code>${engine.sha256}</code>; <code>deno run --allow-read lib/verify/bundle.ts | sha256sum</code> builds it from the sources, byte for byte.</p>
</details>
${packed(ENGINE_ELEMENT, engine.text)}
${packed(DATA_ELEMENT, JSON.stringify(data))}
<script>${page.text.replaceAll("</script", "<\\/script")}</script>
</section>`;
}

/** An element that carries text or bytes as gzip in base64: see `unpacked`. */
export function packed(id: string, content: string | Uint8Array): string {
  const base64 = new Uint8Array(gzipSync(content, { level: 9 })).toBase64();
  return `<script type="text/plain" id="${id}">${base64}</script>`;
}

const STYLE = `
#genac-verify { font: 15px/1.6 system-ui, sans-serif; margin-top: 2em; border-top: 1px solid #8888; padding-top: 1em; }
#genac-verify select { max-width: 100%; }
#genac-verify progress { width: 100%; }
#genac-verify-status { overflow-wrap: anywhere; }
#genac-verify table { border-collapse: collapse; font-size: 13px; margin: 0.6em 0; }
#genac-verify caption { text-align: left; font-weight: 600; }
#genac-verify th, #genac-verify td { text-align: left; padding: 0.15em 0.6em 0.15em 0; vertical-align: top; }
#genac-verify tbody th { font-weight: normal; }
#genac-verify tbody td, #genac-verify code { font-family: ui-monospace, monospace; font-size: 12px; overflow-wrap: anywhere; }
.genac-verify-table { overflow-x: auto; }
.genac-verify-table td:last-child { white-space: nowrap; }
#genac-verify-status.genac-equal, #genac-verify .genac-equal td:last-child { color: light-dark(#146c2e, #3fb950); }
#genac-verify-status.genac-not-equal, #genac-verify .genac-not-equal td:last-child { color: light-dark(#b3261e, #ff7b72); font-weight: 600; }
@media print { #genac-verify { display: none; } }
`;
