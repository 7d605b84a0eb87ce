/**
 * Policies: bit plans in one line, `attention:4,base:2+first:4@4`. The first part sets classes of structure, the others
 * raise or lower some linears; later parts win.
 */

import { UnsupportedError, UsageError } from "../errors.ts";
import {
  PLAN_BITS,
  type PlanBits,
  type PlanModule,
  type PlanProjection,
  type PlanRole,
  type PlanRule,
} from "./bit-plan.ts";
import { compileNamePattern } from "./name-pattern.ts";
import { nearestWord } from "./nearest-word.ts";
import { type PlanDocument, planDocument } from "./plan-document.ts";

/** Bits of one class of structure. */
export interface ClassSetting {
  readonly role: PlanRole;
  readonly bits: PlanBits;
}

/** `first`, `last` and `projection` speak of routed experts only, `match` of every linear. */
export type PolicyPart =
  | { readonly kind: "first" | "last"; readonly blocks: number; readonly bits: PlanBits }
  | { readonly kind: "projection"; readonly projection: PlanProjection; readonly bits: PlanBits }
  | { readonly kind: "match"; readonly pattern: string; readonly bits: PlanBits };

export interface Policy {
  readonly text: string;
  /** Bits of what no class names; `undefined` where the policy does not say. */
  readonly base: PlanBits | undefined;
  readonly classes: readonly ClassSetting[];
  readonly parts: readonly PolicyPart[];
}

const CLASSES: Readonly<Record<string, PlanRole>> = {
  attention: "attention",
  dense: "dense",
  shared: "shared",
  experts: "expert",
};
const CLASS_WORDS: readonly string[] = ["uniform", "base", ...Object.keys(CLASSES)];
const PART_WORDS: readonly string[] = ["first", "last", "projection", "match"];
const EXPERT_PROJECTIONS: readonly PlanProjection[] = ["gate", "up", "down"];
/** Words of the grammar that need what only a run over the weights or the calibration text knows. */
const STATISTICAL_WORDS: readonly string[] = [
  "frequency",
  "gate-frequency",
  "random-experts",
  "random-linears",
  "outlier",
  "importance",
  "importance-module",
  "predictor",
  "knapsack",
];

/** @throws UsageError naming the nearest word that is known, UnsupportedError for policies that need statistics. */
export function parsePolicy(text: string): Policy {
  const [first, ...others] = splitParts(text);
  return { text, ...parseClasses(first), parts: others.map(parsePart) };
}

/** The plan that a policy makes for a model. Classes and blocks that the model lacks are passed over. */
export function policyPlan(modules: readonly PlanModule[], policy: Policy): PlanDocument {
  const present = new Set(modules.map((module) => module.role));
  const classes = policy.classes.filter((setting) => present.has(setting.role));
  for (const setting of classes) present.delete(setting.role);
  if (policy.base === undefined && present.size > 0)
    throw new UsageError(
      `policy ${policy.text}`,
      `no bits for the linears of ${[...present].join(", ")}`,
      "base:BITS in its first part",
    );
  const rules = classes.map(({ role, bits }): PlanRule => ({ match: { role }, bits }));
  const blocks = moeLayers(modules);
  for (const part of policy.parts) rules.push(...partRules(part, blocks));
  return planDocument(modules, { base: policy.base ?? 16, rules }, policy.text);
}

function partRules(part: PolicyPart, blocks: readonly number[]): readonly PlanRule[] {
  const { bits } = part;
  if (part.kind === "projection") return [{ match: { role: "expert", projection: part.projection }, bits }];
  if (part.kind === "match") return [{ match: { name: part.pattern }, bits }];
  const chosen = part.kind === "first" ? blocks.slice(0, part.blocks) : blocks.slice(-part.blocks);
  if (chosen.length === 0) return [];
  // Dense layers in between hold no experts, so one range serves.
  return [{ match: { role: "expert", layers: [[chosen[0], chosen[chosen.length - 1]]] }, bits }];
}

/** Layers with routed experts, ascending. */
function moeLayers(modules: readonly PlanModule[]): readonly number[] {
  const layers = new Set(modules.filter((module) => module.role === "expert").map((module) => module.layer));
  return [...layers].sort((a, b) => a - b);
}

/** Cuts at `+`, but not inside the regular expression of a `match`: that part ends at its `@BITS`. */
function splitParts(text: string): readonly string[] {
  const parts: string[] = [];
  let rest = text;
  for (;;) {
    const whole = /^match:.*?@\d+(?=\+|$)/.exec(rest)?.[0] ?? /^[^+]*/.exec(rest)![0];
    parts.push(whole);
    if (whole.length === rest.length) return parts;
    rest = rest.slice(whole.length + 1);
  }
}

function parseClasses(part: string): { base: PlanBits | undefined; classes: readonly ClassSetting[] } {
  const items = part.split(",");
  let base: PlanBits | undefined;
  const classes = new Map<PlanRole, ClassSetting>();
  for (const item of items) {
    const [word, value] = cut(item, ":");
    if ([...PART_WORDS, ...STATISTICAL_WORDS].includes(word) && word !== "knapsack")
      throw new UsageError("policy", `"${item}" at the beginning`, "bits of the classes first, such as base:2");
    if (word === "knapsack") throw unsupported(word);
    if (!CLASS_WORDS.includes(word)) throw unknownWord("policy", word, CLASS_WORDS);
    const role = CLASSES[word];
    const bits = parseBits(value, `policy: ${word}`);
    if (word === "uniform" && items.length > 1)
      throw new UsageError("policy", `uniform:${bits} beside other classes`, "uniform alone, or base");
    if (role === undefined ? base !== undefined : classes.has(role))
      throw new UsageError("policy", `${word} a second time`, "each class once");
    if (role === undefined) base = bits;
    else classes.set(role, { role, bits });
  }
  return { base, classes: [...classes.values()] };
}

function parsePart(part: string): PolicyPart {
  const [kind] = cut(part, ":");
  if (STATISTICAL_WORDS.includes(kind)) throw unsupported(kind);
  if (CLASS_WORDS.includes(kind))
    throw new UsageError("policy", `"${part}" after a +`, "bits of classes in the first part only, joined by commas");
  if (!PART_WORDS.includes(kind)) throw unknownWord("policy", kind, [...PART_WORDS, ...STATISTICAL_WORDS]);
  const where = `policy: ${kind}`;
  const at = part.lastIndexOf("@");
  if (at < 0) throw new UsageError(where, `"${part}"`, `${kind}:VALUE@BITS`);
  const value = part.slice(kind.length + 1, at);
  const bits = parseBits(part.slice(at + 1), where);
  if (kind === "match") {
    if (value === "") throw new UsageError(where, "no pattern", "match:REGEX@BITS");
    compileNamePattern(value, where);
    return { kind, pattern: value, bits };
  }
  if (kind === "projection") {
    const projection = EXPERT_PROJECTIONS.find((known) => known === value);
    if (projection === undefined) throw unknownWord(where, value, EXPERT_PROJECTIONS);
    return { kind, projection, bits };
  }
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new UsageError(where, `"${value}"`, "a number of MoE blocks from 1");
  return { kind: kind === "first" ? "first" : "last", blocks: Number(value), bits };
}

function parseBits(text: string | undefined, where: string): PlanBits {
  const bits = PLAN_BITS.find((known) => String(known) === text);
  if (bits === undefined)
    throw new UsageError(where, text ? `"${text}" bits` : "no bits", `one of ${PLAN_BITS.join(", ")}`);
  return bits;
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function unknownWord(where: string, word: string, known: readonly string[]): UsageError {
  const shown = word.length > 40 ? `${word.slice(0, 37)}...` : word;
  return new UsageError(
    where,
    `"${shown}"`,
    `${nearestWord(word.slice(0, 40), known)} or another of ${known.join(", ")}`,
  );
}

function unsupported(word: string): UnsupportedError {
  return new UnsupportedError("policy", `${word}, which needs statistics`, [...CLASS_WORDS, ...PART_WORDS]);
}
