/** The whole report: one HTML page, which fetches nothing. The same results give the same bytes. */
import { VERSION } from "../base/version.ts";
import { type ClaimRecord, claimRecords } from "./claims-table.ts";
import { dataSection } from "./data/data-section.ts";
import { planRecords } from "./data/plan-records.ts";
import { escapeHtml } from "./draw/number-format.ts";
import { SCRIPT } from "./draw/page-script.ts";
import { STYLE } from "./draw/page-style.ts";
import { findingsSection, furtherSection } from "./findings-section.ts";
import { anchorOf, modelSection } from "./model-section.ts";
import { provenanceSection, type ResultFile } from "./provenance.ts";
import { comparePlans } from "./results/differences.ts";
import { gatherModels, type ModelResult } from "./results/plan-means.ts";
import { strategiesSection, strategyAnchors } from "./strategies-section.ts";

export interface Report {
  readonly html: string;
  /** Number of lines that were read. */
  readonly cells: number;
  readonly models: number;
  /** The claims of designed comparisons, then plans beside their controls and knapsacks beside rules. */
  readonly comparisons: readonly ClaimRecord[];
}

export async function writeReport(files: readonly ResultFile[], signal: AbortSignal): Promise<Report> {
  const cells = files.flatMap((file) => file.cells);
  const models = gatherModels(cells);
  const comparisons = await comparePlans(models, signal);
  const claims = [...claimRecords(comparisons), ...planRecords(models, comparisons.differences)];
  const title = `Quantising ${models.map(({ name }) => name).join(", ")}`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${contents(models)}
${findingsSection(cells, models, comparisons)}
${strategiesSection(models, comparisons)}
${furtherSection(models, comparisons)}
${models.map((model) => modelSection(model, comparisons.differences)).join("\n")}
${dataSection(files, claims)}
${provenanceSection(files, VERSION)}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
  return { html, cells: cells.length, models: models.length, comparisons: claims };
}

function contents(models: readonly ModelResult[]): string {
  const parts = [
    ["findings", "Findings"],
    ...strategyAnchors(models),
    ...models.map(({ name }) => [anchorOf(name), name]),
    ["data", "Data"],
    ["provenance", "Provenance"],
  ];
  const links = parts.map(([anchor, name]) => `<a href="#${anchor}">${escapeHtml(name)}</a>`);
  return `<nav aria-label="Contents">${links.join(" ")}</nav>`;
}
