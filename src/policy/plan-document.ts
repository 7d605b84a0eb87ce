/** A bit plan as a JSON document: the rules, the bits that they give each linear of one model, and the average bits. */
import { FormatError } from "../base/errors.ts";
import { isQuantizable } from "../tensor/linear-shape.ts";
import {
  averagePlanBits,
  type LayerRange,
  PLAN_BITS,
  PLAN_PROJECTIONS,
  PLAN_ROLES,
  type PlanBits,
  type PlanMatch,
  type PlanModule,
  type PlanRule,
  type PlanRules,
  type PlanSetting,
  type ResolvedBits,
  resolvePlan,
  resolveSettings,
} from "./bit-plan.ts";
import { compileNamePattern } from "./name-pattern.ts";

/** A plan as its file has it: rules, the bits of every module, their average, and the policy that made it. */
export interface PlanDocument extends PlanRules {
  readonly resolved: ResolvedBits;
  readonly averageBits: number;
  /** The policy that made the plan, "" for a plan made by hand. */
  readonly policy: string;
}

/** A plan as it is read: only `base` is required of one written by hand. */
export interface ReadPlan extends PlanRules {
  readonly resolved?: ResolvedBits;
  readonly averageBits?: number;
  readonly policy: string;
}

export function planDocument(modules: readonly PlanModule[], plan: PlanRules, policy = ""): PlanDocument {
  const resolved = resolvePlan(modules, plan);
  return { base: plan.base, rules: plan.rules, resolved, averageBits: averagePlanBits(modules, resolved), policy };
}

/**
 * The setting of each linear of a model: from `resolved` if the document has it, from the rules otherwise. Embedding and head only have
 * one if the plan names them.
 * @throws FormatError when `resolved` was made for another model.
 */
export function applyPlan(
  modules: readonly PlanModule[],
  plan: ReadPlan,
  where: string,
): ReadonlyMap<string, PlanSetting> {
  const settings = resolveSettings(modules, plan);
  const { resolved } = plan;
  if (resolved === undefined) return settings;
  const names = new Set(modules.map(({ name }) => name));
  const stranger = Object.keys(resolved).find((name) => !names.has(name));
  if (stranger !== undefined)
    throw new FormatError(`${where}: resolved`, `found ${stranger}, expected only linears of the model`);
  const told = new Map<string, PlanSetting>();
  for (const module of modules) {
    const { name } = module;
    if (Object.hasOwn(resolved, name)) told.set(name, { ...settings.get(name), bits: resolved[name] });
    else if (isQuantizable(module))
      throw new FormatError(`${where}: resolved`, `found nothing for ${name}, expected bits for every linear`);
  }
  return told;
}

/**
 * Reads a plan from parsed JSON. Unknown fields of the document itself are ignored (commands add `trueBytes` and others);
 * in rules they are refused, because a rule with a misspelt `match` would match everything.
 * @throws FormatError naming the field, UnsupportedError for a pattern that cannot be read.
 */
export function parsePlan(json: unknown, where: string): ReadPlan {
  const fields = readFields(json, where);
  const rules = fields["rules"] === undefined ? [] : readArray(fields["rules"], `${where}: rules`);
  const base = fields["base"] === undefined && fields["resolved"] !== undefined ? 16 : fields["base"];
  const resolved = fields["resolved"];
  return {
    base: readBits(base, `${where}: base`),
    rules: rules.map((rule, index) => readRule(rule, `${where}: rules[${index}]`)),
    resolved: resolved === undefined ? undefined : readResolved(resolved, `${where}: resolved`),
    averageBits: readAverage(fields["averageBits"], `${where}: averageBits`),
    policy: fields["policy"] === undefined ? "" : readText(fields["policy"], `${where}: policy`),
  };
}

function readRule(json: unknown, where: string): PlanRule {
  const fields = readFields(json, where, ["match", "bits", "groupSize"]);
  const match = readMatch(fields["match"], `${where}.match`);
  const bits = readBits(fields["bits"], `${where}.bits`);
  if (fields["groupSize"] === undefined) return { match, bits };
  const groupSize = fields["groupSize"] === -1 ? -1 : readWhole(fields["groupSize"], 1, `${where}.groupSize`);
  return { match, bits, groupSize };
}

function readMatch(json: unknown, where: string): PlanMatch {
  const fields = readFields(json, where, ["role", "layers", "experts", "projection", "name"]);
  const match: { -readonly [Key in keyof PlanMatch]: PlanMatch[Key] } = {};
  if (fields["role"] !== undefined) match.role = readOneOf(fields["role"], PLAN_ROLES, `${where}.role`);
  if (fields["layers"] !== undefined) match.layers = readLayers(fields["layers"], `${where}.layers`);
  if (fields["experts"] !== undefined)
    match.experts = readArray(fields["experts"], `${where}.experts`).map((expert, index) =>
      readWhole(expert, 0, `${where}.experts[${index}]`),
    );
  if (fields["projection"] !== undefined)
    match.projection = readOneOf(fields["projection"], PLAN_PROJECTIONS, `${where}.projection`);
  if (fields["name"] !== undefined) {
    match.name = readText(fields["name"], `${where}.name`);
    compileNamePattern(match.name, `${where}.name`);
  }
  return match;
}

function readLayers(json: unknown, where: string): readonly LayerRange[] {
  return readArray(json, where).map((range, index) => {
    const here = `${where}[${index}]`;
    const ends = readArray(range, here).map((end) => readWhole(end, 0, here));
    if (ends.length !== 2 || ends[0] > ends[1])
      throw new FormatError(here, `found [${ends.join(", ")}], expected [first layer, last layer]`);
    return [ends[0], ends[1]];
  });
}

function readResolved(json: unknown, where: string): ResolvedBits {
  const entries = Object.entries(readFields(json, where));
  return Object.fromEntries(entries.map(([name, bits]) => [name, readBits(bits, `${where}[${JSON.stringify(name)}]`)]));
}

function readAverage(json: unknown, where: string): number | undefined {
  if (json === undefined) return undefined;
  if (typeof json === "number" && json >= 2 && json <= 16) return json;
  throw new FormatError(where, `found ${show(json)}, expected a number from 2 to 16`);
}

function readBits(json: unknown, where: string): PlanBits {
  return readOneOf(json, PLAN_BITS, where);
}

function readOneOf<Value>(json: unknown, allowed: readonly Value[], where: string): Value {
  const value = allowed.find((candidate) => candidate === json);
  if (value === undefined) throw new FormatError(where, `found ${show(json)}, expected one of ${allowed.join(", ")}`);
  return value;
}

function readWhole(json: unknown, least: number, where: string): number {
  if (typeof json === "number" && Number.isSafeInteger(json) && json >= least) return json;
  throw new FormatError(where, `found ${show(json)}, expected a whole number from ${least}`);
}

function readText(json: unknown, where: string): string {
  if (typeof json === "string") return json;
  throw new FormatError(where, `found ${show(json)}, expected a text`);
}

function readArray(json: unknown, where: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  throw new FormatError(where, `found ${show(json)}, expected an array`);
}

/** Own fields of an object; with `known`, any other is refused. */
function readFields(json: unknown, where: string, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new FormatError(where, `found ${show(json)}, expected an object`);
  const odd = known === undefined ? undefined : Object.keys(json).find((key) => !known.includes(key));
  if (odd !== undefined)
    throw new FormatError(where, `found the field ${JSON.stringify(odd)}, expected ${known?.join(", ")}`);
  return json as Readonly<Record<string, unknown>>;
}

/** A value as an error sentence shows it. */
function show(json: unknown): string {
  if (json === undefined) return "nothing";
  if (Array.isArray(json)) return "an array";
  if (typeof json === "object" && json !== null) return "an object";
  const text = JSON.stringify(json);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
