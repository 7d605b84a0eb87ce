/** The table of a designed comparison: every claim with its plans, gain, interval and p. */
import { code, type HtmlColumn, htmlTable } from "./draw/html-table.ts";
import { digits, escapeHtml, klDecimals, percents, probability } from "./draw/number-format.ts";
import { type Claim, type ClaimGroup, type ClaimKind, gainInterval } from "./results/claims.ts";
import type { Certainty, Comparisons } from "./results/differences.ts";
import type { PlanResult } from "./results/plan-means.ts";
import { strategyOf } from "./results/strategies.ts";

/** A claim as a row, with what its group says of it. */
interface ClaimRow extends Claim {
  readonly kind: ClaimKind;
  readonly strategy: string;
  readonly against: string;
  readonly certainty: Certainty | undefined;
}

const KIND_NAMES: Readonly<Record<ClaimKind, string>> = {
  rule: "against the best rule",
  menu: "against the narrower menu",
  random: "against random plans",
};

function claimRows({ kind, strategy, against, claims }: ClaimGroup, { certainty }: Comparisons): ClaimRow[] {
  return claims.map((claim) => ({ ...claim, kind, strategy, against, certainty: certainty.get(claim) }));
}

/** A claim as data: KL in nats a token, gains as shares. The mean over budgets has no budget and no plans. */
export type ClaimRecord = Readonly<Record<string, string | number | undefined>>;

/** All claims of a page, each group's mean after its budgets. */
export function claimRecords(comparisons: Comparisons): ClaimRecord[] {
  return [...comparisons.claims].flatMap(([{ name }, groups]) =>
    groups.flatMap((group) => {
      const { kind, strategy, menu, against, gain } = group;
      const named = { model: name, claim: KIND_NAMES[kind], strategy, menu, againstMenu: against };
      const records = claimRows(group, comparisons).map((row) => ({
        ...named,
        budget: row.place.budget,
        ...recordOf(row),
      }));
      const whole = { p: gain?.p, holm: comparisons.certainty.get(group)?.adjusted };
      return gain === undefined
        ? records
        : [...records, { ...named, gain: gain.mean, gainLow: gain.interval[0], gainHigh: gain.interval[1], ...whole }];
    }),
  );
}

function recordOf(row: ClaimRow): ClaimRecord {
  const { ours, theirs, found, certainty } = row;
  const { mean: difference, stdErr, freedom, interval, p } = found;
  const [gainLow, gainHigh] = gainInterval(row);
  return {
    ...{ ours: ours.policy, theirs: theirs.policy, oursBytes: ours.trueBytes, theirsBytes: theirs.trueBytes },
    ...{ oursKl: found.ours, theirsKl: found.theirs, expectedKl: ours.predictedKl },
    ...{ difference, stdErr, freedom, differenceLow: interval[0], differenceHigh: interval[1] },
    ...{ gain: found.gain, gainLow, gainHigh, spreadOfDraws: found.spreadOfRows, p, holm: certainty?.adjusted },
  };
}

export function claimsTable(model: string, groups: readonly ClaimGroup[], comparisons: Comparisons): string {
  const rows = groups.flatMap((group) => claimRows(group, comparisons));
  const columns: HtmlColumn<ClaimRow>[] = [
    { title: "claim", cell: claimName },
    { title: "bits at most", numeric: true, cell: ({ place }) => String(place.budget) },
    { title: "KL", numeric: true, cell: ({ ours, found }) => klCell(ours, found.ours) },
    { title: "KL of the other", cell: ({ theirs, found }) => klCell(theirs, found.theirs) },
    { title: "less by, %", numeric: true, cell: gainCell },
    { title: "95 %", numeric: true, cell: (row) => percents(gainInterval(row)) },
    { title: "p (Holm)", numeric: true, cell: (row) => probability(row.certainty?.adjusted ?? 1) },
    { title: "spread, %", numeric: true, cell: ({ found }) => digits(100 * found.spreadOfRows, 1) },
    {
      title: "expected KL",
      numeric: true,
      cell: ({ ours }) => digits(ours.predictedKl, klDecimals(ours.kl?.mean ?? 0)),
    },
  ];
  const caption = `Comparisons of ${model}. Spread: standard deviation over draws of the gain on each.`;
  return htmlTable(caption, columns, rows, { style: "plans", kind: ({ kind }) => KIND_NAMES[kind] });
}

function claimName({ kind, strategy, place, against }: ClaimRow): string {
  const other = kind === "menu" ? `the same with ${against}` : kind === "rule" ? "best rule" : "random plans";
  return `${escapeHtml(`${strategy}, ${place.menu}`)}<span class="below">against ${escapeHtml(other)}</span>`;
}

function klCell(plan: PlanResult, kl: number): string {
  const named = strategyOf(plan) === "rule" || plan.policy === plan.name ? plan.policy : plan.name;
  return `${digits(kl, klDecimals(kl))}<span class="below">${code(named)}</span>`;
}

function gainCell({ found, certainty }: ClaimRow): string {
  return `<span class="${certainty?.shown === true ? "shown" : "muted"}">${digits(100 * found.gain, 1)}</span>`;
}
