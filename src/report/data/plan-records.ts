/** Plans beside their random controls, and knapsacks beside the best rules, as data. */
import type { ClaimRecord } from "../claims-table.ts";
import type { Difference, Differences, PlanDifferences } from "../results/differences.ts";
import type { ModelResult, PlanResult } from "../results/plan-means.ts";

const CLAIM_NAMES: Readonly<Record<keyof PlanDifferences, string>> = {
  windows: "against random plans of as many bytes",
  tasks: "tasks, against random plans of as many bytes",
  rival: "against the best rule of at most as many bytes",
};

/** Every comparison of two plans that no sweep designed, in the order of the models' plans. KL and NLL in nats a token, tasks in right answers an item. */
export function planRecords(models: readonly ModelResult[], differences: Differences): ClaimRecord[] {
  const places = Object.keys(CLAIM_NAMES) as (keyof PlanDifferences)[];
  return models.flatMap(({ name, plans }) =>
    plans.flatMap((plan) =>
      places.flatMap((place) => {
        const found = differences.get(plan)?.[place];
        return found === undefined ? [] : [recordOf({ model: name, plan, claim: CLAIM_NAMES[place], found })];
      }),
    ),
  );
}

function recordOf(row: {
  readonly model: string;
  readonly plan: PlanResult;
  readonly claim: string;
  readonly found: Difference;
}): ClaimRecord {
  const { model, plan, claim, found } = row;
  const { against, by, difference, interval, unit, p, adjusted } = found;
  return {
    ...{ model, claim, plan: plan.name, againstPlan: against.name, ours: plan.policy, theirs: against.policy, by },
    ...{ averageBits: plan.averageBits, oursBytes: plan.trueBytes, theirsBytes: against.trueBytes },
    ...{ oursKl: plan.kl?.mean, theirsKl: against.kl?.mean },
    ...{ difference, differenceLow: interval[0], differenceHigh: interval[1], unit, p, holm: adjusted },
  };
}
