/** Bit plans: the bits of each linear, as rules over the structure of a model. They are applied to a list of linears, not to a model. */
import { UsageError } from "../base/errors.ts";
import {
  BITS,
  type Bits,
  isQuantizable,
  OUTER_ROLES,
  type OuterRole,
  type Projection,
  QUANTIZABLE_ROLES,
  type QuantizableRole,
} from "../tensor/linear-shape.ts";
import { compileNamePattern } from "./name-pattern.ts";

/** 16 means that the linear is not quantised. */
export type PlanBits = Bits | 16;
export const PLAN_BITS: readonly PlanBits[] = [...BITS, 16];

export type PlanRole = QuantizableRole | OuterRole;
export const PLAN_ROLES: readonly PlanRole[] = [...QUANTIZABLE_ROLES, ...OUTER_ROLES];

export type PlanProjection = Exclude<Projection, "router" | "sharedGate">;
export const PLAN_PROJECTIONS: readonly PlanProjection[] = [
  ...(["q", "k", "v", "o", "qDown", "qUp", "kvDown", "kvUp", "convIn", "convOut"] as const),
  ...(["gate", "up", "down"] as const),
  ...OUTER_ROLES,
];

/** A linear that can be quantised: [rows, cols] is out x in. */
export interface PlanModule {
  readonly name: string;
  readonly role: PlanRole;
  readonly layer: number;
  /** Index of a routed expert, else -1. */
  readonly expert: number;
  readonly projection: PlanProjection;
  readonly rows: number;
  readonly cols: number;
}

/** Inclusive at both ends. */
export type LayerRange = readonly [first: number, last: number];

/**
 * A linear matches when it fits every field that is given; without fields all linears of blocks match. Embedding and head only match if
 * `role` names them.
 */
export interface PlanMatch {
  readonly role?: PlanRole;
  /** Any of the ranges. */
  readonly layers?: readonly LayerRange[];
  /** Any of these routed experts. */
  readonly experts?: readonly number[];
  readonly projection?: PlanProjection;
  /** Regular expression that is found somewhere in the name (syntax of name-pattern.ts). */
  readonly name?: string;
}

export interface PlanRule {
  readonly match: PlanMatch;
  readonly bits: PlanBits;
  /** Columns that share a scale, -1 for the whole row; without it the group size stays as it was. */
  readonly groupSize?: number;
}

/** The bits of linears that match no rule, and the rules; later rules win. */
export interface PlanRules {
  readonly base: PlanBits;
  readonly rules: readonly PlanRule[];
}

export type ResolvedBits = Readonly<Record<string, PlanBits>>;

/** The setting that a plan gives one linear; the group size is there only if a rule sets it. */
export interface PlanSetting {
  readonly bits: PlanBits;
  readonly groupSize?: number;
}

/** Bits of every linear by name. */
export function resolvePlan(modules: readonly PlanModule[], plan: PlanRules): ResolvedBits {
  return Object.fromEntries([...resolveSettings(modules, plan)].map(([name, { bits }]) => [name, bits]));
}

/** Bits and group size of every linear by name, in the order of the modules. Embedding and head have none unless a rule names them. */
export function resolveSettings(modules: readonly PlanModule[], plan: PlanRules): ReadonlyMap<string, PlanSetting> {
  const rules = plan.rules.map((rule, index) => ({ rule, matches: compileMatch(rule.match, ruleName(index)) }));
  const settings = new Map<string, PlanSetting>();
  for (const module of modules) {
    let setting: PlanSetting | undefined = isQuantizable(module) ? { bits: plan.base } : undefined;
    for (const { rule, matches } of rules) {
      if (!matches(module)) continue;
      setting = { bits: rule.bits, groupSize: rule.groupSize ?? setting?.groupSize };
    }
    if (setting !== undefined) settings.set(module.name, setting);
  }
  return settings;
}

/** Rules that match none of the linears: most likely a mistake, worth a warning. */
export function idleRules(modules: readonly PlanModule[], plan: PlanRules): readonly PlanRule[] {
  return plan.rules.filter((rule, index) => !modules.some(compileMatch(rule.match, ruleName(index))));
}

/** Average bits as the study counts them: sum of bits x weights over sum of weights of the blocks' linears; scales, zeros and all else apart. */
export function averagePlanBits(modules: readonly PlanModule[], resolved: ResolvedBits): number {
  return meanBits(
    modules.filter(isQuantizable).map(({ name, rows, cols }) => {
      if (!Object.hasOwn(resolved, name))
        throw new UsageError("bit plan", `no bits for ${name}`, "bits for every linear");
      return { rows, cols, bits: resolved[name] };
    }),
  );
}

/** The same of linears whose bits are at hand. */
export function meanBits(
  linears: readonly { readonly rows: number; readonly cols: number; readonly bits: number }[],
): number {
  let bits = 0;
  let weights = 0;
  for (const linear of linears) {
    bits += linear.bits * linear.rows * linear.cols;
    weights += linear.rows * linear.cols;
  }
  if (weights === 0) throw new UsageError("bit plan", "a model without linears", "at least one");
  return bits / weights;
}

/** Tells whether a linear matches; patterns are compiled once. */
function compileMatch(match: PlanMatch, where: string): (module: PlanModule) => boolean {
  const { role, layers, projection } = match;
  const experts = match.experts === undefined ? undefined : new Set(match.experts);
  const named = match.name === undefined ? undefined : compileNamePattern(match.name, `${where}.match.name`);
  return (module) =>
    (role === undefined ? isQuantizable(module) : module.role === role) &&
    (layers === undefined || layers.some(([first, last]) => module.layer >= first && module.layer <= last)) &&
    (experts === undefined || (module.role === "expert" && experts.has(module.expert))) &&
    (projection === undefined || module.projection === projection) &&
    (named === undefined || named(module.name));
}

function ruleName(index: number): string {
  return `bit plan: rules[${index}]`;
}
