/** Figure of the importance of blocks: a bar for each layer. */
import { axisX, barY, gridY, ruleY } from "@observablehq/plot";
import type { PlanResult } from "../results/plan-means.ts";
import { digits } from "./number-format.ts";
import { drawPlot, figure, figureCaption, type Size, SMALL } from "./svg-figure.ts";

export function blockFigure(model: string, float: PlanResult): string | undefined {
  const [{ blocks }] = float.cells;
  if (blocks.length === 0) return undefined;
  const title = `Importance of blocks of ${model}`;
  const draw = (size: Size) =>
    drawPlot(title, size, {
      ...{ height: 230, marginLeft: 48, marginRight: 8, marginTop: 28, marginBottom: 40 },
      x: { type: "band", domain: blocks.map(({ layer }) => layer), label: "layer" },
      y: { label: "importance", ticks: 4, tickFormat: String },
      marks: [
        gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: 4 }),
        axisX({
          tickSize: 0,
          ticks: blocks.map(({ layer }) => layer).filter((_, i) => i % Math.ceil(blocks.length / 12) === 0),
        }),
        barY(blocks, {
          x: "layer",
          y: "importance",
          fill: "var(--heat)",
          title: ({ layer, importance }: (typeof blocks)[number]) => `layer ${layer}: ${digits(importance, 3)}`,
        }),
        ruleY([0], { stroke: "var(--muted)" }),
      ],
    });
  return figure(figureCaption(title, "How much a block changes its input."), draw, SMALL);
}
