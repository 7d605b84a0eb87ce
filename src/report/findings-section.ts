/** The page's beginning: what was found, in sentences, and how to read their certainty. */
import { escapeHtml, plural } from "./draw/number-format.ts";
import type { Finding } from "./finding.ts";
import { findingsOf, lacksMenus } from "./findings.ts";
import type { Comparisons } from "./results/differences.ts";
import type { ModelResult } from "./results/plan-means.ts";
import type { MeasuredCell } from "./results/read-cells.ts";

export function findingsSection(
  cells: readonly MeasuredCell[],
  models: readonly ModelResult[],
  comparisons: Comparisons,
): string {
  const { main } = findingsOf(models, comparisons);
  const list = main.length === 0 ? "<p>These results hold no two plans that are to be compared.</p>" : listOf(main);
  const lacking = models.filter(({ plans }) => lacksMenus(plans, comparisons.differences));
  const note = lacking.length === 0 ? "" : menusNote(lacking);
  return `<section id="findings">\n<h2>Findings</h2>\n${list}\n${note}\n${reading(cells, models, comparisons)}\n</section>`;
}

/** Findings that come after the pictures. */
export function furtherSection(models: readonly ModelResult[], comparisons: Comparisons): string {
  const { further } = findingsOf(models, comparisons);
  return further.length === 0
    ? ""
    : `<section id="further">\n<h2>Further findings</h2>\n${listOf(further)}\n</section>`;
}

function listOf(findings: readonly Finding[]): string {
  return `<ul class="findings">\n${findings.map(item).join("\n")}\n</ul>`;
}

function menusNote(models: readonly ModelResult[]): string {
  const names = models.map(({ name }) => escapeHtml(name)).join(", ");
  return `<p class="note"><b>Menus are not stated</b> for ${names}: these results do not say which widths each plan could choose from. A knapsack that may \
use more widths than the rules gains by that too.</p>`;
}

function item({ model, figure, claim, certainty }: Finding): string {
  return `<li data-model="${escapeHtml(model)}"><strong>${escapeHtml(figure)}</strong>
<div><b>${escapeHtml(model)}.</b> ${escapeHtml(claim).replace(/, (?=\d)/g, ",&nbsp;")}\n<small>${escapeHtml(certainty)}</small></div></li>`;
}

/** How much was measured, and what "shown" means; the second is folded, because it is the same on every page. */
function reading(cells: readonly MeasuredCell[], models: readonly ModelResult[], comparisons: Comparisons): string {
  const draws = new Set(cells.flatMap(({ calibration }) => calibration ?? [])).size;
  const seeds = new Set(cells.flatMap(({ seed }) => seed ?? [])).size;
  const plans = new Set(cells.map(({ plan }) => plan)).size;
  const designed = [...comparisons.claims.values()].flat().length > 0;
  const paired = comparisons.differences.size > 0;
  return `<p class="muted">Measured: ${plural(models.length, "model")}, ${plural(plans, "plan")}, ${plural(draws, "draw")} of calibration tokens, \
${plural(seeds, "seed")}, ${plural(cells.length, "cell")}; ${plural(comparisons.tests, "comparison")}. KL is from the float model, in nats a token; lower is better.</p>
<details>
<summary>When a difference counts as shown</summary>
${[...(designed ? [DESIGNED] : []), ...(paired || !designed ? [PAIRED] : [])].join("\n")}
</details>`;
}

const DESIGNED = `<p>Its p, adjusted by Holm over all comparisons of this page, is at most 0.05. Draws of calibration tokens and windows of text \
are both taken as drawn at random (a mixed model of crossed effects, Satterthwaite\u2019s degrees of freedom), so that a claim is about other draws \
and other text of these kinds; against random plans, draws and seeds are. The sweep names the rule of each menu and budget: if it was chosen on the text \
that it is scored on, that favours the rule.</p>`;

const PAIRED = `<p>Its 95 % interval leaves 0 out, and its p, adjusted by Holm over all comparisons of this page, is at most 0.05. Where plans share two \
draws of calibration tokens or more, KL is compared over draws and random plans, or over draws and windows of text, both taken as drawn at random (Student\u2019s t \
of a mixed model). Otherwise windows or items are what it generalises over (Student\u2019s t, and the paired bootstrap; McNemar\u2019s where items are right \
or wrong); draws and seeds are averaged first, and other random plans and draws may give other differences. The best rule is chosen by the same KL that it is \
scored by, which favours the rule.</p>`;
