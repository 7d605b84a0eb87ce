/** Chooses bits of head and embedding together with the knapsack's plan of the blocks. */
import { UsageError } from "../../base/errors.ts";
import type { OuterBits } from "../recipe/outer-bits.ts";

/** KL per token of a head of 4 and 8 bits, and of an embedding of 8 bits, each with everything else float. */
export interface OuterDamages {
  readonly head: Readonly<Record<4 | 8, number>>;
  readonly embedding: Readonly<Record<8, number>>;
}

/** Bits of head and embedding, `auto` for those that the knapsack chooses. */
export interface OuterWish {
  readonly head?: OuterBits["head"] | "auto";
  readonly embedding?: OuterBits["embedding"] | "auto";
}

/** The bits that are told, without those that are to be chosen. */
export function toldBits({ head, embedding }: OuterWish): OuterBits {
  return {
    ...(head === undefined || head === "auto" ? {} : { head }),
    ...(embedding === undefined || embedding === "auto" ? {} : { embedding }),
  };
}

/** Every choice that a wish allows. */
export function outerChoices({ head, embedding }: OuterWish): readonly OuterBits[] {
  const heads = head === "auto" ? ([16, 8, 4] as const) : [head];
  const embeddings = embedding === "auto" ? ([16, 8] as const) : [embedding];
  return heads.flatMap((bits) => embeddings.map((width) => toldBits({ head: bits, embedding: width })));
}

/** The part of a plan by which choices are compared, in nats of KL per token. */
interface PredictedPlan {
  readonly predictedKl: number;
  readonly boundKl: number;
}

/**
 * The plan with the least predicted KL over all choices: each is an exact knapsack with the bytes that head and embedding leave.
 * @throws UsageError if no choice fits the budget.
 */
export function bestWithOuter<Plan extends PredictedPlan>(
  choices: readonly OuterBits[],
  damages: OuterDamages | undefined,
  solve: (outer: OuterBits) => Plan,
): { readonly plan: Plan; readonly outer: OuterBits } {
  let best: { readonly plan: Plan; readonly outer: OuterBits } | undefined;
  let failure: unknown;
  for (const outer of choices) {
    try {
      const found = solve(outer);
      const cost = damageOf(outer, damages);
      const plan = { ...found, predictedKl: found.predictedKl + cost, boundKl: found.boundKl + cost };
      if (best === undefined || plan.predictedKl < best.plan.predictedKl) best = { plan, outer };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      failure = error;
    }
  }
  if (best === undefined) throw failure;
  return best;
}

function damageOf({ head = 16, embedding = 16 }: OuterBits, damages: OuterDamages | undefined): number {
  if (damages === undefined) return 0;
  return (head === 16 ? 0 : damages.head[head]) + (embedding === 16 ? 0 : damages.embedding[embedding]);
}
