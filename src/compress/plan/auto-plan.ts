/** Policy `auto`: a rule of one line for a budget. Nothing is measured, so it takes seconds: blocks are ranked by their cosine in the statistics. */
import { UsageError } from "../../base/errors.ts";
import type { PlanBits, PlanRole } from "../../policy/bit-plan.ts";
import { type Budget, spendingOf } from "../../policy/budget.ts";
import { parsePolicy, type RulePolicy } from "../../policy/policy.ts";
import { type ModelShapes, planModulesOf } from "../recipe/model-shapes.ts";
import type { SizedPlan } from "./plan-context.ts";

/** Bits of attention and dense layers, of shared experts, of routed experts, and of what is raised; the least share of blocks that is raised. */
type Frame = readonly [attention: PlanBits, shared: PlanBits, base: PlanBits, raised: PlanBits, least: number];

/**
 * From few bits to many. Of each frame as many blocks of lowest cosine are raised as the budget allows, then in the other blocks as many experts of
 * most routing weight. What all tokens use takes few bytes, so it goes above the raised blocks once some are raised. Chosen on the selection texts of
 * bench/quantmoe/study for fable-mixtral and fable-deepseek together.
 */
const FRAMES: readonly Frame[] = [
  [2, 2, 2, 2, 0],
  [3, 2, 2, 2, 0],
  [3, 3, 2, 3, 0],
  [4, 4, 2, 3, 1 / 5],
  [4, 4, 3, 4, 0],
  [8, 4, 3, 4, 2 / 5],
  [8, 8, 4, 8, 0],
];

/** Makes the plan of a rule, with its size. */
export type PlanRuleOf = (policy: RulePolicy) => SizedPlan;

/**
 * The plan of the last frame that fits the budget. Its document names the rule.
 * @throws UsageError if even 2 bits for every linear exceed the budget.
 */
export function autoPlan(shapes: ModelShapes, budget: Budget, planOf: PlanRuleOf): SizedPlan {
  const modules = planModulesOf(shapes);
  const experts = modules.filter(({ role }) => role === "expert");
  const blocks = new Set(experts.map(({ layer }) => layer)).size;
  const each = new Set(experts.map(({ expert }) => expert)).size;
  const roles = new Set(modules.map(({ role }) => role));
  for (const frame of FRAMES.toReversed()) {
    const [, , base, bits, share] = frame;
    const within = (raised: Raised) => {
      const plan = planOf(parsePolicy(ruleText(frame, roles, raised)) as RulePolicy);
      return spendingOf(plan, budget).exceeds ? undefined : { plan, raised };
    };
    const least = within({ blocks: Math.ceil(share * blocks), experts: 0 });
    if (least === undefined) continue;
    if (base === bits) return least.plan;
    const raised = most(least, blocks, (count) => within({ blocks: count, experts: 0 }));
    const { blocks: whole } = raised.raised;
    return whole === blocks
      ? raised.plan
      : most(raised, each - 1, (count) => within({ blocks: whole, experts: count })).plan;
  }
  const least = planOf(parsePolicy("uniform:2") as RulePolicy);
  const [found, expected] =
    budget.kind === "bits"
      ? [`${budget.averageBits} average bits`, `${least.averageBits}`]
      : [`${budget.trueBytes} bytes`, `${least.trueBytes}`];
  throw new UsageError("budget", found, `at least ${expected}, with the fewest bits for every linear`);
}

/** How many blocks are raised, and how many experts of each block. */
interface Raised {
  readonly blocks: number;
  readonly experts: number;
}

/** `attention:4,dense:4,base:2+importance:3@3+gate-frequency:1@3`, of classes that the model has. */
function ruleText(
  [attention, shared, base, bits]: Frame,
  roles: ReadonlySet<PlanRole>,
  { blocks, experts }: Raised,
): string {
  const widths = Object.entries({ attention, dense: attention, shared }) as [PlanRole, PlanBits][];
  const classes = widths.filter(([role]) => roles.has(role)).map(([role, width]) => `${role}:${width}`);
  const parts = [
    [...classes, `base:${base}`].join(","),
    ...(blocks === 0 ? [] : [`importance:${blocks}@${bits}`]),
    ...(experts === 0 ? [] : [`gate-frequency:${experts}@${bits}`]),
  ];
  return parts.join("+");
}

/** What `within` gives for the largest count up to `limit` for which it gives something; `least` if for none. Larger counts never take fewer bytes. */
function most<T>(least: T, limit: number, within: (count: number) => T | undefined): T {
  let [best, low, high] = [least, 0, limit];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const found = within(middle);
    if (found === undefined) high = middle - 1;
    else [best, low] = [found, middle];
  }
  return best;
}
