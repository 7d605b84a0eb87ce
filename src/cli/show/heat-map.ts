/** Use of experts as a small heat map: a row for each layer, a cell for each expert. */
import { styled } from "./text-style.ts";

export interface Use {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
}

const SHADES = [" ", "\u2591", "\u2592", "\u2593", "\u2588"] as const;
const CELL = 3;

/** Shade and percentage of each expert's share of its layer's choices; an even share is the middle shade. */
export function heatMap(uses: readonly Use[]): string {
  const layers = [...new Set(uses.map((use) => use.layer))].sort((a, b) => a - b);
  const experts = Math.max(...uses.map((use) => use.expert)) + 1;
  const header = `layer ${Array.from({ length: experts }, (_, expert) => `e${expert}`.padStart(CELL + 1)).join(" ")}`;
  const rows = layers.map((layer) => {
    const row = uses.filter((use) => use.layer === layer);
    const total = row.reduce((sum, use) => sum + use.tokens, 0);
    const cells = row.map((use) => cell(total === 0 ? 0 : use.tokens / total, experts));
    return `${String(layer).padStart(5)} ${cells.join(" ")}`;
  });
  return [
    `share of tokens by expert, in % (${SHADES.slice(1).join(" ")}: more than an even share is dark)`,
    header,
    ...rows,
  ].join("\n");
}

function cell(share: number, experts: number): string {
  const relative = share * experts; // 1 is even
  const shade = SHADES[relative < 0.05 ? 0 : relative < 0.6 ? 1 : relative < 1.1 ? 2 : relative < 1.7 ? 3 : 4];
  const text = `${shade}${(100 * share).toFixed(0).padStart(CELL)}`;
  if (relative < 0.2) return styled("dim", text);
  return relative > 1.7 ? styled("bold", text) : text;
}
