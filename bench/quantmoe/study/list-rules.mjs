// node bench/quantmoe/study/list-rules.mjs MODEL...: lists the rules that the study compares with the knapsack, with bytes, average bits, menus
// and the first budget that they fit (MODEL-rules.json), and writes the sweep that chooses among them (MODEL-select.json).
import { parseArgs } from "node:util";
import { readModelFiles } from "../../../dist/core.js";
import { nodeFolder } from "../../../dist/node.js";
import { MENUS, randomFamily } from "./families.mjs";
import { at, writeDocument } from "./files.mjs";
import { Sizes } from "./sizes.mjs";
import { STUDIES, sweepOf } from "./studies.mjs";

for (const name of parseArgs({ allowPositionals: true }).positionals) {
  const study = STUDIES[name];
  if (study === undefined) throw new Error(`MODEL: found ${name}, expected one of ${Object.keys(STUDIES).join(", ")}`);
  const files = await readModelFiles(await nodeFolder(at(study.model.path)));
  const sizes = new Sizes(files);
  await files.index.close();
  const budgets = [];
  for (const bits of study.budgets) budgets.push({ bits, bytes: await sizes.budget(bits) });
  const rules = await listRules(sizes, budgets, study);
  const random = [];
  for (const wanted of study.random) random.push(await randomPlan(sizes, budgets, wanted));
  writeDocument(`${name}-rules.json`, { budgets, rules, random });
  const { draws, metric } = study.selection;
  const calibration = study.draws.slice(0, draws);
  const budgetOf = ({ budget }) => `${budgets.find(({ bits }) => bits === budget).bytes}B`;
  const plans = rules.map((rule) => ({ name: rule.policy, policy: rule.policy, budget: budgetOf(rule) }));
  writeDocument(`${name}-select.json`, sweepOf(study, { calibration, plans, metrics: [metric] }));
  tell(name, study, rules);
}

/** The policy with the largest count that fits, and then with the largest second count if it has one; undefined if none fits. */
async function largest(sizes, { most, text, fill }, bytes) {
  const count = await largestCount(sizes, text, most, bytes);
  if (count === 0) return undefined;
  if (fill === undefined) return text(count);
  const second = await largestCount(sizes, (more) => text(count, more), fill, bytes);
  return second === 0 ? undefined : text(count, second);
}

/** The largest count from 1 to `most` that fits, or 0. Bytes rise with the count. */
async function largestCount(sizes, text, most, bytes) {
  let [fits, tooMany] = [0, most + 1];
  while (tooMany - fits > 1) {
    const count = (fits + tooMany) >> 1;
    if ((await sizes.of(text(count))).bytes <= bytes) fits = count;
    else tooMany = count;
  }
  return fits;
}

/** All rules of all budgets. A plan may come from several families, and belong to both menus and to many budgets: it is listed once. */
async function listRules(sizes, budgets, { menus, families, fills }) {
  const rules = new Map();
  for (const { bits: budget, bytes } of budgets)
    for (const menu of menus)
      for (const { family, ...counted } of families(sizes.model, MENUS[menu])) {
        const policy = await largest(sizes, counted, bytes);
        if (policy === undefined) continue;
        const { key, ...size } = await sizes.of(policy);
        if (size.bytes < fills * bytes) continue;
        const known = rules.get(key) ?? { family, policy, ...size, menus: [], budget };
        if (!known.menus.includes(menu)) known.menus.push(menu);
        rules.set(key, known);
      }
  return [...rules.values()].sort((a, b) => a.bytes - b.bytes || (a.policy < b.policy ? -1 : 1));
}

async function randomPlan(sizes, budgets, { menu, budget, ...widths }) {
  const family = randomFamily(sizes.model, MENUS[menu], widths);
  const policy = await largest(sizes, family, budgets.find(({ bits }) => bits === budget).bytes);
  return { policy, menu, budget };
}

function tell(name, { budgets, menus }, rules) {
  for (const menu of menus) {
    const counts = budgets.map(
      (bits) => rules.filter((rule) => rule.budget === bits && rule.menus.includes(menu)).length,
    );
    console.log(`${name}, menu ${menu}, new rules at ${budgets.join(", ")} bits: ${counts.join(", ")}`);
  }
  console.log(`${name}: ${rules.length} rules`);
}
