import assert from "node:assert/strict";
import { resolveFigure } from "./figure_description.ts";
import { placeLabels } from "./reference_labels.ts";

function placed(points: { x: number; y: number }[]) {
  const figure = resolveFigure({
    title: "t",
    x: { title: "x", min: 0, max: 1 },
    y: { title: "y", min: 0, max: 1 },
    series: [{ kind: "line", name: "a", points }],
    references: [{ axis: "y", value: 0.5, label: "a label" }],
  });
  return placeLabels(figure)[0];
}

Deno.test("a label stands above the right end if there is room", () => {
  assert.deepEqual(placed([{ x: 0, y: 0.1 }, { x: 1, y: 0.1 }]), { along: 1, above: true });
});

Deno.test("a label keeps clear of the data", () => {
  const across = [{ x: 0.6, y: 0.53 }, { x: 1, y: 0.53 }];
  assert.deepEqual(placed(across), { along: 0, above: true });
  const everywhere = [{ x: 0, y: 0.53 }, { x: 1, y: 0.53 }];
  assert.deepEqual(placed(everywhere), { along: 1, above: false });
});
