/**
 * Makes a report's figures interactive: plotly.js goes into the page once, packed, and draws each
 * figure in the place of its SVG. Without scripts, or should drawing fail, the SVG stays.
 */

/** Where the template wants the scripts. */
const PLACE = "<!-- plotly.js -->";

/** What Observable Plot names inside of a figure. The figure is one image, with one description: its parts may have none. */
const PART_NAME = /(<(?:g|rect|path|text|line|circle)\b[^>]*?) aria-label="[^"]*"/g;

/** The page with scripts, and figures whose parts have no names; as it is if there is no figure in it. */
export async function makeInteractive(html: string): Promise<string> {
  const scripts = html.includes('class="genac-plotly"')
    ? `<script type="text/plain" id="genac-plotly-js">${await packedPlotly()}</script>\n` +
      `<script>${DRAW}</script>`
    : "";
  return html.replaceAll(PART_NAME, "$1").replace(PLACE, () => scripts);
}

/** plotly.js, 10 MB of text, as 4 MB of Base64. */
async function packedPlotly(): Promise<string> {
  const { default: source } = await import("plotly.js-dist/plotly.js", { with: { type: "text" } });
  const packed = new Blob([source]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer()).toBase64();
}

const DRAW = `
/** Takes away the room below that was meant for rows of the legend on a narrower page. */
async function trim(plot, { height, margin }) {
  const legend = plot.querySelector(".legend");
  if (!legend) return;
  const bottom = (element) => element.getBoundingClientRect().bottom;
  const left = Math.floor(bottom(plot) - bottom(legend)) - 8;
  if (left < 8) return;
  await Plotly.relayout(plot, { height: height - left, "margin.b": margin.b - left });
}
(async () => {
  const packed = document.getElementById("genac-plotly-js").textContent;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const json of document.querySelectorAll("script.genac-plotly")) {
    const { data, layout, config } = JSON.parse(json.textContent);
    const figure = json.parentElement;
    const plot = document.createElement("div");
    plot.className = "genac-interactive";
    // Not an image, which would have no buttons in it.
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", figure.querySelector("svg").getAttribute("aria-label"));
    figure.append(plot);
    try {
      await Plotly.newPlot(plot, data, layout, config);
      figure.classList.add("genac-drawn");
      await trim(plot, layout);
    } catch (error) {
      console.error(error);
      plot.remove();
    }
  }
})();
`;
