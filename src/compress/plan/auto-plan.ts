/** Policy `auto`: a rule of one line for a budget. Nothing is measured, so it takes seconds: blocks are ranked by their cosine in the statistics. */
import { UsageError } from "../../base/errors.ts";
import type { PlanBits, PlanRole } from "../../policy/bit-plan.ts";
import type { Budget } from "../../policy/budget.ts";
import { parsePolicy, type RulePolicy } from "../../policy/policy.ts";
import { type ModelShapes, planModulesOf } from "../recipe/model-shapes.ts";
import type { SizedPlan } from "./plan-context.ts";

/** Bits of attention and dense layers, of shared experts, of routed experts, and of the blocks that are raised. */
type Frame = readonly [attention: PlanBits, shared: PlanBits, base: PlanBits, raised: PlanBits];

/**
 * From few bits to many. Of each frame as many blocks of lowest cosine are raised as the budget allows. What all tokens use gets at least the
 * bits of raised blocks. Chosen on the selection text of bench/quantmoe/study and scored on others (docs/results.md).
 */
const FRAMES: readonly Frame[] = [
  [2, 2, 2, 2],
  [3, 3, 2, 3],
  [4, 4, 2, 3],
  [4, 4, 3, 4],
  [8, 8, 4, 8],
];

/** Makes the plan of a rule, with its size. */
export type PlanRuleOf = (policy: RulePolicy) => SizedPlan;

/**
 * The plan of the last frame that fits the budget. Its document names the rule.
 * @throws UsageError if even 2 bits for every linear exceed the budget.
 */
export function autoPlan(shapes: ModelShapes, budget: Budget, planOf: PlanRuleOf): SizedPlan {
  const modules = planModulesOf(shapes);
  const blocks = new Set(modules.filter(({ role }) => role === "expert").map(({ layer }) => layer)).size;
  const roles = new Set(modules.map(({ role }) => role));
  for (const frame of FRAMES.toReversed()) {
    const at = (raised: number) => planOf(parsePolicy(ruleText(frame, { roles, raised })) as RulePolicy);
    const least = at(0);
    if (exceeds(least, budget)) continue;
    return mostWithin(least, frame[2] === frame[3] ? 0 : blocks, (raised) => {
      const plan = at(raised);
      return exceeds(plan, budget) ? undefined : plan;
    });
  }
  const least = planOf(parsePolicy("uniform:2") as RulePolicy);
  const [found, expected] =
    budget.kind === "bits"
      ? [`${budget.averageBits} average bits`, `${least.averageBits}`]
      : [`${budget.trueBytes} bytes`, `${least.trueBytes}`];
  throw new UsageError("budget", found, `at least ${expected}, with the fewest bits for every linear`);
}

/** `attention:4,dense:4,base:2+importance:3@3`, of classes that the model has. */
function ruleText(
  [attention, shared, base, bits]: Frame,
  { roles, raised }: { readonly roles: ReadonlySet<PlanRole>; readonly raised: number },
): string {
  const widths = Object.entries({ attention, dense: attention, shared }) as [PlanRole, PlanBits][];
  const classes = widths.filter(([role]) => roles.has(role)).map(([role, width]) => `${role}:${width}`);
  return [...classes, `base:${base}`].join(",") + (raised === 0 ? "" : `+importance:${raised}@${bits}`);
}

/** The plan with the largest count from 1 to `most` that `within` still gives, or `none`. More blocks never take fewer bytes. */
function mostWithin(none: SizedPlan, most: number, within: (count: number) => SizedPlan | undefined): SizedPlan {
  let [best, low, high] = [none, 0, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const plan = within(middle);
    if (plan === undefined) high = middle - 1;
    else [best, low] = [plan, middle];
  }
  return best;
}

/** Average bits are sums of whole bits divided by weights, so the limit has room for their rounding. */
function exceeds({ averageBits, trueBytes }: SizedPlan, budget: Budget): boolean {
  return budget.kind === "bits" ? averageBits > budget.averageBits + 1e-9 : trueBytes > budget.trueBytes;
}
