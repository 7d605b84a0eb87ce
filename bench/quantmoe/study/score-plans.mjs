// The plans that the study scores, each with the menus and budgets at which it is compared.
import { MENUS } from "./families.mjs";
import { knapsackName } from "./findings.mjs";

/**
 * Uniform plans, each chosen rule once, and for each choice the knapsack with the same menu in the rule's bytes. A plan that several choices share
 * competes at all of their menus and budgets.
 */
export function scoredPlans(chosen) {
  const rules = new Map(
    ["uniform:2", "uniform:3", "uniform:4"].map((policy) => [policy, { policy, family: "uniform" }]),
  );
  const knapsacks = new Map();
  for (const { policy, family, menu, bytes, budget } of chosen) {
    const place = placeOf({ menu, budget });
    const name = knapsackName({ menu, bytes });
    const knapsack = { policy: `knapsack:${menu}`, budget: `${bytes}B`, strategy: "knapsack" };
    addPlace(rules, policy, { policy, strategy: "rule", family }, place);
    addPlace(knapsacks, name, knapsack, place);
  }
  return [...rules, ...knapsacks].map(([name, plan]) => ({ name, ...plan }));
}

/**
 * What else is scored in the bytes of the chosen rules: the rule that policy auto writes, which may use every width, and where `refine` is true the
 * knapsack over damages that were refined under error feedback.
 */
export function furtherPlans(chosen, refine) {
  const plans = new Map();
  for (const { menu, bytes, budget } of chosen) {
    const place = placeOf({ menu, budget });
    const auto = { policy: "auto", budget: `${bytes}B`, strategy: "auto" };
    const refined = { policy: `knapsack:${menu}`, budget: `${bytes}B`, refine, strategy: "refined knapsack" };
    if (menu === WIDEST) addPlace(plans, `auto in ${bytes} bytes`, auto, place);
    if (refine) addPlace(plans, `refined ${knapsackName({ menu, bytes })}`, refined, place);
  }
  return [...plans].map(([name, plan]) => ({ name, ...plan }));
}

const WIDEST = Object.keys(MENUS).at(-1);

/** The few plans that answer all items of tasks: uniform 3 and 4 bits, and rule and knapsack in the bytes of uniform 3. */
export function taskPlans(chosen) {
  const names = new Set(["uniform:3", "uniform:4"]);
  for (const choice of chosen.filter(({ budget }) => budget === 3)) names.add(choice.policy).add(knapsackName(choice));
  return scoredPlans(chosen).filter(({ name }) => names.has(name));
}

function addPlace(plans, name, plan, place) {
  const { competesAt = [] } = plans.get(name) ?? {};
  plans.set(name, { ...plan, competesAt: [...competesAt, place] });
}

/** A choice's menu and budget as a sweep's plan states them. */
function placeOf({ menu, budget }) {
  return { menu: MENUS[menu], budget };
}

/** Random plans as controls of the rules of their menu and budget. */
export function randomPlans(random, seeds) {
  const list = Array.from({ length: seeds }, (_, seed) => seed);
  return random.map(({ policy, ...choice }) => ({
    ...{ name: policy, policy, seeds: list, strategy: "random", competesAt: [placeOf(choice)] },
  }));
}
