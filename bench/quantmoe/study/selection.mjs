// The choice of rules: for a budget and a menu the rule with the least KL on the selection text, among all that fit.

/** Mean over draws of a metric, and the most bytes of any draw, by the name of the plan. */
export function meanByPlan(cells, metric) {
  return new Map([...groupByPlan(cells)].map(([plan, group]) => [plan, summary(group, metric)]));
}

function groupByPlan(cells) {
  const groups = new Map();
  for (const cell of cells) groups.set(cell.plan, [...(groups.get(cell.plan) ?? []), cell]);
  return groups;
}

function summary(group, metric) {
  const mean = group.reduce((sum, { metrics }) => sum + metrics[metric].mean, 0) / group.length;
  return { kl: mean, bytes: Math.max(...group.map(({ trueBytes }) => trueBytes)), bits: group[0].averageBits };
}

/** The best rule, and the best other plan of another family: how much the choice of a family matters. */
export function bestRule(rules, measured, { menu, bytes }) {
  const fitting = rules
    .map(({ family, policy, menus }) => ({ family, policy, menus, ...measured.get(policy) }))
    .filter((rule) => rule.menus.includes(menu) && rule.bytes <= bytes)
    .sort((a, b) => a.kl - b.kl || a.bytes - b.bytes);
  if (fitting.length === 0)
    throw new Error(`rules with menu ${menu}: found none of ${bytes} bytes, expected at least one`);
  const [{ menus: _, ...best }] = fitting;
  // One plan may be listed under several families (all blocks raised, all experts raised): then its cells have the same numbers.
  const other = fitting.find(
    ({ family, kl, bytes: own }) => family !== best.family && (kl !== best.kl || own !== best.bytes),
  );
  return {
    ...best,
    candidates: fitting.length,
    second: other && { family: other.family, policy: other.policy, kl: other.kl },
  };
}
