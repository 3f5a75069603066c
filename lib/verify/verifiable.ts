import { registry } from "../../experiments/registry.ts";
import { type ProfileName, PROFILES } from "../run/experiment.ts";
import { NOT_IN_PAGES } from "./not_in_pages.ts";
import { verifySection } from "./section.ts";

/** Where a report's template wants the section. */
const PLACE = "<!-- verify -->";

/**
 * A report with the section *Verify this report here* at its end.
 *
 * @param html The report as its template made it; one without the place for the section stays as it is.
 * @param notebook Name of the notebook, e.g. "01-scaling". That of no experiment offers the first experiment's runs.
 * @param profile The profile whose run the report shows; anything else counts as "smoke".
 */
export async function makeVerifiable(
  html: string,
  notebook: string,
  profile: unknown,
): Promise<string> {
  if (!html.includes(PLACE)) return html;
  const experiments = await Promise.all(
    Object.keys(registry).filter((name) => !NOT_IN_PAGES.includes(name))
      .map(async (name) => (await registry[name]!()).default),
  );
  const own = experiments.find((experiment) => experiment.notebook === notebook);
  const shown = PROFILES.find((name): name is ProfileName => name === profile) ?? "smoke";
  const section = await verifySection(own ?? experiments[0]!, shown, own !== undefined);
  return html.replace(PLACE, () => section);
}
