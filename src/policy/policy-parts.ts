/** A policy as data: first bits for classes of linears, then parts that raise or lower some linears. */
import type { Bits } from "../tensor/linear-shape.ts";
import type { PlanBits, PlanProjection, PlanRole } from "./bit-plan.ts";

/** Bits of one class of linears. */
export interface ClassSetting {
  readonly role: PlanRole;
  readonly bits: PlanBits;
}

/** A share of linears, `25%`; up to four decimals. */
export interface Percent {
  /** Whole number of ten-thousandths of a percent, so that no count depends on binary fractions. */
  readonly tenThousandths: number;
}

/** All parts but `match`, which applies to every linear, apply to routed experts only. */
export type PolicyPart = { readonly bits: PlanBits } & (
  | { readonly kind: "projection"; readonly projection: PlanProjection }
  | { readonly kind: "match"; readonly pattern: string }
  /** Whole MoE blocks: the first or last ones, those with the lowest cosine, those that a learned scorer names. */
  | { readonly kind: BlockWord; readonly blocks: number }
  /** This number of experts in each MoE block. */
  | { readonly kind: ExpertWord; readonly experts: number }
  /** This share of all linears of routed experts together. */
  | { readonly kind: LinearWord; readonly share: Percent }
);

export type BlockWord = "first" | "last" | "importance" | "importance-module" | "predictor";
export type ExpertWord = "frequency" | "gate-frequency" | "random-experts";
export type LinearWord = "random-linears" | "outlier";

export const BLOCK_WORDS: readonly BlockWord[] = ["first", "last", "importance", "importance-module", "predictor"];
export const EXPERT_WORDS: readonly ExpertWord[] = ["frequency", "gate-frequency", "random-experts"];
export const LINEAR_WORDS: readonly LinearWord[] = ["random-linears", "outlier"];

/** Classes and parts, joined by `+`. */
export interface RulePolicy {
  readonly kind: "rules";
  readonly text: string;
  /** Bits of linears that no class names; `undefined` if the policy does not say. */
  readonly base: PlanBits | undefined;
  readonly classes: readonly ClassSetting[];
  readonly parts: readonly PolicyPart[];
}

/** The best bits of every linear for a budget. It cannot be combined with other parts. */
export interface KnapsackPolicy {
  readonly kind: "knapsack";
  readonly text: string;
  /** The only widths that it may give, ascending: `knapsack:2,4`. Without it all widths are allowed. */
  readonly menu?: readonly Bits[];
}

/** The best rule of one line for a budget. It cannot be combined with other parts. */
export interface AutoPolicy {
  readonly kind: "auto";
  readonly text: string;
}

/** A parsed policy: rules that are applied in order, the best rule for a budget, or the knapsack. */
export type Policy = RulePolicy | AutoPolicy | KnapsackPolicy;

/** What policies read of a calibration run. The statistics of compress/statistics/statistics.ts have these fields. */
export interface PolicyStatistics {
  readonly experts: readonly {
    readonly layer: number;
    readonly expert: number;
    readonly tokens: number;
    readonly gateSum: number;
  }[];
  readonly blocks: readonly {
    readonly layer: number;
    readonly cosine: number;
    readonly cosineModule: number;
    /** Mean cosine that a learned scorer predicts. */
    readonly predicted?: number;
  }[];
}
