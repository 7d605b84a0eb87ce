/** Reads the settings of a GPTQ checkpoint. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { asObject, describeJson, isObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import type { Pattern } from "../../base/pattern/compile-pattern.ts";
import { matchesPattern } from "../../base/pattern/match-pattern.ts";
import type { StepBudget } from "../../base/pattern/step-budget.ts";
import type { FolderSource } from "../../files/source.ts";
import { BITS, type Bits } from "../../tensor/linear-shape.ts";
import { compileDynamicPattern, dynamicBudget } from "./dynamic-pattern.ts";
import { findGptqSettings } from "./find-settings.ts";
import type { GptqVersion } from "./gptq-packing.ts";

/** Settings of one linear. */
export interface GptqSetting {
  readonly bits: Bits;
  /** Columns that share a scale; -1 for the whole row. */
  readonly groupSize: number;
  readonly symmetric: boolean;
}

/** One entry of `dynamic`: settings for the modules whose names match its pattern. */
export interface GptqRule {
  readonly pattern: Pattern;
  /** `float` for a `-:` rule, whose modules are not quantised. */
  readonly setting: Partial<GptqSetting> | "float";
}

export interface GptqConfig extends GptqSetting {
  /** The file from which they were read. */
  readonly where: string;
  readonly descAct: boolean;
  readonly version: GptqVersion;
  /** The rules in the order in which they are tried: `-:` rules first, then file order. */
  readonly dynamic: readonly GptqRule[];
  readonly lmHead: boolean;
  readonly meta: JsonObject;
}

const VERSIONS: readonly string[] = ["gptq", "gptq_v2"];

/** The settings of the checkpoint in `folder`, or `undefined` if it is not quantised. */
export async function readGptqConfig(folder: FolderSource): Promise<GptqConfig | undefined> {
  const found = await findGptqSettings(folder);
  return found && parseGptqConfig(found.json, found.where);
}

export function parseGptqConfig(json: JsonObject, where: string): GptqConfig {
  requireOneOf(json, ["quant_method", "method"], ["gptq"], where);
  requireOneOf(json, ["pack_dtype"], ["int32"], where);
  if (json["is_marlin_format"] === true) throw new UnsupportedError(`${where}: is_marlin_format`, "true", ["false"]);
  // Rotated weights need a step of their own in the pass.
  const { rotation } = json;
  if (rotation !== undefined && rotation !== null)
    throw new UnsupportedError(`${where}: rotation`, describeJson(rotation), ["weights that are not rotated"]);
  const bits = readBits(json["bits"], `${where}: bits`);
  if (bits === undefined) throw new FormatError(`${where}: bits`, `found nothing, expected one of ${BITS.join(", ")}`);
  return {
    where,
    bits,
    groupSize: readGroupSize(json["group_size"], `${where}: group_size`) ?? 128,
    symmetric: readFlag(json["sym"], `${where}: sym`) ?? true,
    descAct: readFlag(json["desc_act"], `${where}: desc_act`) ?? false,
    version: requireOneOf(json, ["checkpoint_format", "format"], VERSIONS, where) === "gptq_v2" ? "gptq_v2" : "gptq",
    dynamic: readDynamic(json["dynamic"], `${where}: dynamic`),
    lmHead: readFlag(json["lm_head"], `${where}: lm_head`) ?? false,
    meta: isObject(json["meta"]) ? json["meta"] : Object.create(null),
  };
}

/** The settings of one module. The tensors' shapes are checked against them (`gptq-header.ts`). */
export function resolveModule(config: GptqConfig, module: string): GptqSetting | "float" {
  const known = answersOf(config);
  const setting = known.settings.get(module) ?? settingOf(config, module, known.budget);
  known.settings.set(module, setting);
  return setting;
}

/** Settings that were found before, and the steps that matching may still take: untrusted rules are matched with thousands of names. */
interface Answers {
  readonly settings: Map<string, GptqSetting | "float">;
  readonly budget: StepBudget;
}

const answers = new WeakMap<GptqConfig, Answers>();

function answersOf(config: GptqConfig): Answers {
  const known = answers.get(config) ?? { settings: new Map(), budget: dynamicBudget() };
  answers.set(config, known);
  return known;
}

function settingOf(config: GptqConfig, module: string, budget: StepBudget): GptqSetting | "float" {
  const base = { bits: config.bits, groupSize: config.groupSize, symmetric: config.symmetric };
  const rule = config.dynamic.find(({ pattern }) => matchesPattern(pattern, module, budget));
  const isHead = module === "lm_head" || module.endsWith(".lm_head");
  // The head is not part of a layer. It is only quantised if there is `lm_head: true` or a rule for the head alone.
  if (isHead && !config.lmHead && !rule?.pattern.prefix.endsWith("lm_head")) return "float";
  if (rule === undefined) return base;
  return rule.setting === "float" ? "float" : { ...base, ...rule.setting };
}

function readDynamic(value: JsonValue | undefined, where: string): readonly GptqRule[] {
  if (value === undefined || value === null || value === false) return [];
  let states = 0;
  const rules = Object.entries(asObject(value, where)).map(([key, overrides]) => {
    const rule = readRule(key, overrides, where);
    states += rule.pattern.states.length;
    if (states > MAX_RULE_STATES)
      throw new UnsupportedError(rule.pattern.where, `rules of ${states} states in total up to this one`, [
        `at most ${MAX_RULE_STATES}`,
      ]);
    return rule;
  });
  return [...rules.filter((rule) => rule.setting === "float"), ...rules.filter((rule) => rule.setting !== "float")];
}

/** Bounds memory and the time to compile. One rule for each of 10 000 modules would have more states; alternatives in a pattern need fewer. */
const MAX_RULE_STATES = 400_000;

function readRule(key: string, value: JsonValue, dynamic: string): GptqRule {
  const where = `${dynamic}["${key}"]`;
  const pattern = compileDynamicPattern(key.replace(/^[+-]:/, ""), where);
  if (key.startsWith("-:")) return { pattern, setting: "float" };
  const overrides = asObject(value, where);
  requireOneOf(overrides, ["pack_dtype"], ["int32"], where);
  const setting = {
    bits: readBits(overrides["bits"], `${where}: bits`),
    groupSize: readGroupSize(overrides["group_size"], `${where}: group_size`),
    symmetric: readFlag(overrides["sym"], `${where}: sym`),
  };
  return { pattern, setting: Object.fromEntries(Object.entries(setting).filter(([, given]) => given !== undefined)) };
}

/** The value of the first of `keys` that is present. The values of all present keys must be known, and the same. */
function requireOneOf(
  json: JsonObject,
  keys: readonly string[],
  known: readonly string[],
  where: string,
): string | undefined {
  const given = keys
    .map((key) => ({ key, value: json[key] }))
    .filter(({ value }) => value !== undefined && value !== null);
  for (const { key, value } of given)
    if (typeof value !== "string" || !known.includes(value))
      throw new UnsupportedError(`${where}: ${key}`, describeJson(value), known);
  const different = given.find(({ value }) => value !== given[0].value);
  if (different !== undefined)
    throw new FormatError(
      where,
      `found ${given[0].key} ${describeJson(given[0].value)} and ${different.key} ${describeJson(different.value)}, expected the same in both`,
    );
  return given[0]?.value as string | undefined;
}

function readBits(value: JsonValue | undefined, where: string): Bits | undefined {
  if (value === undefined || value === null) return undefined;
  const bits = BITS.find((known) => known === value);
  if (bits === undefined) throw new UnsupportedError(where, describeJson(value), BITS.map(String));
  return bits;
}

function readGroupSize(value: JsonValue | undefined, where: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || ((value as number) < 1 && value !== -1))
    throw new FormatError(where, `found ${describeJson(value)}, expected a number of columns, or -1 for the whole row`);
  return value as number;
}

function readFlag(value: JsonValue | undefined, where: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw new FormatError(where, `found ${describeJson(value)}, expected true or false`);
  return value;
}
