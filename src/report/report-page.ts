/** The whole report: one HTML page without scripts, which fetches nothing. The same results give the same bytes. */
import { VERSION } from "../base/version.ts";
import { htmlTable } from "./draw/html-table.ts";
import { digits, escapeHtml, klDecimals, megabytes, plural } from "./draw/number-format.ts";
import { STYLE } from "./draw/page-style.ts";
import { modelSection } from "./model-section.ts";
import { provenanceSection, type ResultFile } from "./provenance.ts";
import { compareWithControls, type Differences } from "./results/differences.ts";
import { bestBySize, gatherModels, type ModelResult, type PlanResult } from "./results/plan-means.ts";

export interface Report {
  readonly html: string;
  /** Number of lines that were read. */
  readonly cells: number;
  readonly models: number;
}

export async function writeReport(files: readonly ResultFile[], signal: AbortSignal): Promise<Report> {
  const cells = files.flatMap((file) => file.cells);
  const models = gatherModels(cells);
  const differences = await compareWithControls(models, signal);
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
${summary(files, models, differences)}
${models.map((model) => modelSection(model, differences)).join("\n")}
${provenanceSection(files, VERSION)}
</main>
</body>
</html>
`;
  return { html, cells: cells.length, models: models.length };
}

function summary(files: readonly ResultFile[], models: readonly ModelResult[], differences: Differences): string {
  const cells = files.flatMap((file) => file.cells);
  const draws = new Set(cells.flatMap(({ calibration }) => calibration ?? [])).size;
  const seeds = new Set(cells.flatMap(({ seed }) => seed ?? [])).size;
  const plans = new Set(cells.map(({ plan }) => plan)).size;
  const compared = [...differences.values()].flatMap(({ windows, tasks }) => [windows ?? [], tasks ?? []].flat());
  const shown = compared.filter((difference) => difference.shown);
  const better = shown.filter(({ isBetter }) => isBetter).length;
  const byItem = compared.some(({ by }) => by === "tasks") ? " and item by item of the tasks" : "";
  return `<p>${plural(models.length, "model")}, ${plural(plans, "plan")}, ${plural(draws, "draw")} of calibration tokens, \
${plural(seeds, "seed")}: ${plural(cells.length, "cell")}.</p>
<p>${plural(differences.size, "plan")} compared with a random control of about as many bytes, window by window${byItem}: \
${plural(compared.length, "comparison")}, ${better} better, ${shown.length - better} worse, ${compared.length - shown.length} with no \
difference shown. A difference counts as shown where its 95 % interval (Student’s t over windows or items) leaves 0 out and its p \
(paired bootstrap; McNemar’s where items are right or wrong), adjusted by Holm over all comparisons of this page, is at most 0.05. Windows \
and items are what it generalises over: draws and seeds are averaged first. It holds against these random plans on these draws of \
calibration tokens; other random plans and draws may fall out otherwise.</p>
${bestTable(models)}`;
}

function bestTable(models: readonly ModelResult[]): string {
  const rows = models.flatMap((model) => bestBySize(model.plans).map((plan) => ({ model, plan })));
  if (rows.length === 0) return "";
  return htmlTable(
    "The plan with the least KL of every size (files within 5 %)",
    [
      { title: "model", cell: ({ model }) => escapeHtml(model.name) },
      { title: "plan", cell: ({ plan }) => escapeHtml(plan.name) },
      { title: "bits", numeric: true, cell: ({ plan }) => digits(plan.averageBits, 3) },
      { title: "MB", numeric: true, cell: ({ plan }) => megabytes(plan.trueBytes) },
      { title: "smaller than float", numeric: true, cell: ({ model, plan }) => factor(model.float, plan) },
      { title: "KL", numeric: true, cell: ({ plan }) => digits(plan.kl?.mean, klDecimals(plan.kl?.mean ?? 0)) },
      { title: "perplexity", numeric: true, cell: ({ plan }) => digits(plan.perplexity, 3) },
      { title: "float model’s", numeric: true, cell: ({ model }) => digits(model.float?.perplexity, 3) },
    ],
    rows,
  );
}

function factor(float: PlanResult | undefined, plan: PlanResult): string {
  return float === undefined ? digits(undefined, 0) : `${digits(float.trueBytes / plan.trueBytes, 1)} times`;
}
