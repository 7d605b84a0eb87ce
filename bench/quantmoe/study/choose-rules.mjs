// node bench/quantmoe/study/choose-rules.mjs MODEL...: of the rules that the sweep MODEL-select.json measured, the best for each budget and menu
// (MODEL-chosen.json), and the sweep that scores them on other texts beside the knapsack in their bytes (MODEL-score.json). For a model that tasks can
// measure also the sweep of tasks (MODEL-tasks.json), and for one that is calibrated on a data set the same sweep without random plans, calibrated on
// text of the model's own (MODEL-own.json).
import { parseArgs } from "node:util";
import { readDocument, readResults, writeDocument } from "./files.mjs";
import { furtherPlans, randomPlans, scoredPlans, taskPlans } from "./score-plans.mjs";
import { bestRule, meanByPlan } from "./selection.mjs";
import { STUDIES, sweepOf } from "./studies.mjs";

for (const name of parseArgs({ allowPositionals: true }).positionals) {
  const study = STUDIES[name];
  if (study === undefined) throw new Error(`MODEL: found ${name}, expected one of ${Object.keys(STUDIES).join(", ")}`);
  const { budgets, rules, random } = readDocument(`${name}-rules.json`);
  const measured = meanByPlan(readResults(`${name}-select`), study.selection.metric.name);
  const missing = rules.filter(({ policy }) => !measured.has(policy));
  if (missing.length > 0)
    throw new Error(
      `results of ${name}-select: found nothing of ${missing[0].policy} and ${missing.length - 1} other rules`,
    );
  const chosen = budgets.flatMap((budget) =>
    study.menus.map((menu) => ({
      budget: budget.bits,
      menu,
      ...bestRule(rules, measured, { menu, bytes: budget.bytes }),
    })),
  );
  writeDocument(`${name}-chosen.json`, { chosen });
  const { draws: calibration, scoring: metrics, seeds } = study;
  const plans = [...scoredPlans(chosen), ...furtherPlans(chosen, study.refine), ...randomPlans(random, seeds)];
  writeDocument(`${name}-score.json`, sweepOf(study, { calibration, plans, metrics }));
  if (study.own !== undefined)
    writeDocument(`${name}-own.json`, sweepOf(study, { calibration: study.own, plans: scoredPlans(chosen), metrics }));
  if (study.tasks !== undefined)
    writeDocument(
      `${name}-tasks.json`,
      sweepOf(study, { calibration: calibration.slice(0, 1), plans: taskPlans(chosen), metrics: study.tasks }),
    );
  console.log(
    `${name}: ${plans.reduce((sum, plan) => sum + (plan.seeds?.length ?? 1), 0) * calibration.length} cells to score`,
  );
}
