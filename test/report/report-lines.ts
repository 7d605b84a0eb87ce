/** Lines of a sweep's results, as tests of the report write them. */

import { gatherModels, type ModelResult } from "../../src/report/results/plan-means.ts";
import { readCells } from "../../src/report/results/read-cells.ts";

export interface Fields {
  readonly plan: string;
  readonly control?: string;
  readonly windows?: readonly number[];
  readonly calibration?: string;
  readonly seed?: number;
  readonly trueBytes?: number;
  readonly [field: string]: unknown;
}

/** A line with what matters to a test, the rest filled in. */
export function line({ windows = [1, 1], ...fields }: Fields): string {
  const mean = windows.reduce((sum, value) => sum + value, 0) / windows.length;
  const cell = {
    key: JSON.stringify({ ...fields, windows }),
    model: "m",
    averageBits: 2,
    trueBytes: 1000,
    metrics: { kl: { type: "kl", mean, stdErr: 0, windows } },
    ...fields,
  };
  return JSON.stringify(cell);
}

export const modelsOf = (...lines: readonly Fields[]): ModelResult[] =>
  gatherModels(readCells(lines.map(line).join("\n"), "lines"));

/** The page as it is read: without its script and the data to download, in which any letters may stand beside each other. */
export function readablePart(html: string): string {
  return html.replace(/<script>[\s\S]*?<\/script>|base64,[^"]*/g, "");
}
