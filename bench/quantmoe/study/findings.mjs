// What the study claims, as numbers: the knapsack against the best rule of its menu, the wide menu against {2, 4}, and both against random plans.
// Draws and windows are random, windows lie within texts; p values are corrected by Holm's procedure over all claims of a model.
import { significance } from "../../../dist/evaluate.js";

/** The name under which the knapsack of a choice is measured. */
export const knapsackName = ({ menu, bytes }) => `knapsack:${menu} in ${bytes} bytes`;

/** All claims of a model. @param texts names of the metrics, in order. */
export async function findingsOf({ chosen, random, cells, texts }) {
  const of = (plan) => tableOf(cells, plan, texts);
  const claims = [];
  for (const choice of chosen) {
    const { budget, menu } = choice;
    claims.push({
      claim: "knapsack against rule",
      budget,
      menu,
      ...(await compared(of(knapsackName(choice)), of(choice.policy))),
    });
    const narrow = chosen.find((other) => other.budget === budget && other.menu === "2,4");
    if (menu === "2,4" || narrow === undefined) continue;
    claims.push({ claim: "menu for rules", budget, menu, ...(await compared(of(choice.policy), of(narrow.policy))) });
    const knapsacks = [choice, narrow].map((each) => of(knapsackName(each)));
    claims.push({ claim: "menu for knapsacks", budget, menu, ...(await compared(...knapsacks)) });
  }
  for (const { policy, budget, menu } of random) {
    const rule = chosen.find((choice) => choice.budget === budget && choice.menu === menu);
    claims.push({
      claim: "rule against random plans",
      budget,
      menu,
      ...againstRandom(cells, rule.policy, policy, texts),
    });
  }
  const corrected = significance.holm(claims.map(({ p }) => p));
  return claims.map((claim, i) => ({ ...claim, holm: corrected[i] }));
}

/** KL of each draw's windows, text after text, averaged over seeds, and the number of windows of each text. */
export function tableOf(cells, plan, texts) {
  const own = cells.filter((cell) => cell.plan === plan);
  if (own.length === 0) throw new Error(`results: found no cell of ${plan}, expected one for each draw`);
  const draws = [...new Set(own.map(({ calibration }) => calibration))].sort();
  const windowsOf = (cell) => texts.flatMap((text) => cell.metrics[text].windows);
  const table = draws.map((draw) => meanOf(own.filter(({ calibration }) => calibration === draw).map(windowsOf)));
  return { draws, table, strata: texts.map((text) => own[0].metrics[text].windows.length) };
}

/** Ours against theirs, window by window on the same draw: negative differences are ours. */
export async function compared(ours, theirs) {
  if (ours.draws.join() !== theirs.draws.join())
    throw new Error(`results: found draws ${ours.draws} and ${theirs.draws}, expected the same`);
  const table = ours.table.map((row, draw) => row.map((value, window) => value - theirs.table[draw][window]));
  const bootstrap = await significance.crossedBootstrap(table, { strata: ours.strata });
  return { ...claimOf(ours.table, theirs.table, ours.strata), bootstrap: bootstrap.interval };
}

/** Difference and gain as the report has them (src/report/results/claims.ts). */
function claimOf(ours, theirs, strata) {
  const {
    mean: difference,
    spreadOfRows: spreadOfDraws,
    variances: _,
    ...found
  } = significance.crossedDifference({ ours, theirs, strata });
  return { ...found, difference, spreadOfDraws };
}

/** A rule against random plans whose seeds are as random as the draws: one mean a cell. */
export function againstRandom(cells, rule, random, texts) {
  const mean = (cell) => average(texts.flatMap((text) => cell.metrics[text].windows));
  const own = cells.filter(({ plan }) => plan === random);
  const seeds = [...new Set(own.map(({ seed }) => seed))].sort((a, b) => a - b);
  const draws = [...new Set(own.map(({ calibration }) => calibration))].sort();
  const at = (plan, draw, seed) => {
    const cell = cells.find(
      (each) => each.plan === plan && each.calibration === draw && (seed === undefined || each.seed === seed),
    );
    if (cell === undefined)
      throw new Error(`results: found no cell of ${plan} on ${draw}, expected all draws and seeds`);
    return mean(cell);
  };
  const pairs = draws.map((draw) => seeds.map((seed) => [at(rule, draw), at(random, draw, seed)]));
  return claimOf(...[0, 1].map((side) => pairs.map((row) => row.map((pair) => pair[side]))));
}

function meanOf(rows) {
  return rows[0].map((_, i) => average(rows.map((row) => row[i])));
}

export function average(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
