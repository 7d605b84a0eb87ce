/** Reads policies in one line, `attention:4,base:2+first:4@4`. */
import { UsageError } from "../base/errors.ts";
import { nearestWord } from "../base/nearest-word.ts";
import { BITS, type Bits } from "../tensor/linear-shape.ts";
import { PLAN_BITS, type PlanBits, type PlanProjection, type PlanRole } from "./bit-plan.ts";
import { compileNamePattern } from "./name-pattern.ts";
import {
  BLOCK_WORDS,
  type ClassSetting,
  EXPERT_WORDS,
  LINEAR_WORDS,
  type Percent,
  type Policy,
  type PolicyPart,
} from "./policy-parts.ts";

const CLASSES: Readonly<Record<string, PlanRole>> = {
  attention: "attention",
  dense: "dense",
  shared: "shared",
  experts: "expert",
  embedding: "embedding",
  head: "head",
};
const CLASS_WORDS: readonly string[] = ["uniform", "base", ...Object.keys(CLASSES)];
/** Policies that stand alone and take a budget. */
const LONELY_WORDS: readonly string[] = ["auto", "knapsack"];
const PART_WORDS: readonly string[] = [...BLOCK_WORDS, ...EXPERT_WORDS, ...LINEAR_WORDS, "projection", "match"];
const EXPERT_PROJECTIONS: readonly PlanProjection[] = ["gate", "up", "down"];

/** @throws UsageError naming the nearest known word, UnsupportedError for a pattern that is outside of the syntax or its limits. */
export function parsePolicy(text: string): Policy {
  const [first, ...others] = splitParts(text);
  if (first === "auto") {
    if (others.length > 0) throw new UsageError("policy", `auto with "+${others[0]}"`, "auto alone");
    return { kind: "auto", text };
  }
  const menu = /^knapsack(?::(.*))?$/.exec(first);
  if (menu !== null) {
    if (others.length > 0) throw new UsageError("policy", `knapsack with "+${others[0]}"`, "knapsack alone");
    return { kind: "knapsack", text, ...(menu[1] !== undefined && { menu: parseMenu(menu[1]) }) };
  }
  return { kind: "rules", text, ...parseClasses(first), parts: others.map(parsePart) };
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
    if (PART_WORDS.includes(word))
      throw new UsageError("policy", `"${item}" at the beginning`, "bits of the classes first, such as base:2");
    if (LONELY_WORDS.includes(word))
      throw new UsageError("policy", `"${part}"`, `${word} alone; its budget is an option of its own`);
    if (!CLASS_WORDS.includes(word)) throw unknownWord("policy", word, [...CLASS_WORDS, ...LONELY_WORDS]);
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
  if (CLASS_WORDS.includes(kind))
    throw new UsageError("policy", `"${part}" after a +`, "bits of classes in the first part only, joined by commas");
  if (LONELY_WORDS.includes(kind)) throw new UsageError("policy", `"${part}" after a +`, `${kind} alone`);
  if (!PART_WORDS.includes(kind)) throw unknownWord("policy", kind, PART_WORDS);
  const where = `policy: ${kind}`;
  const at = part.lastIndexOf("@");
  if (at < 0) throw new UsageError(where, `"${part}"`, `${kind}:VALUE@BITS`);
  const value = part.slice(kind.length + 1, at);
  return { ...parseValue(kind, value, where), bits: parseBits(part.slice(at + 1), where) };
}

/** A part without its bits. The conditional type applies `Omit` to each member of the union, so that each keeps its own fields. */
type Value = PolicyPart extends infer Part ? (Part extends PolicyPart ? Omit<Part, "bits"> : never) : never;

function parseValue(kind: string, value: string, where: string): Value {
  if (kind === "match") {
    if (value === "") throw new UsageError(where, "no pattern", "match:REGEX@BITS");
    compileNamePattern(value, where);
    return { kind, pattern: value };
  }
  if (kind === "projection") {
    const projection = EXPERT_PROJECTIONS.find((known) => known === value);
    if (projection === undefined) throw unknownWord(where, value, EXPERT_PROJECTIONS);
    return { kind, projection };
  }
  const blocks = BLOCK_WORDS.find((word) => word === kind);
  if (blocks !== undefined) return { kind: blocks, blocks: parseCount(value, where, "MoE blocks") };
  const experts = EXPERT_WORDS.find((word) => word === kind);
  if (experts !== undefined) return { kind: experts, experts: parseCount(value, where, "experts in each block") };
  return { kind: LINEAR_WORDS.find((word) => word === kind)!, share: parsePercent(value, where) };
}

function parseCount(value: string, where: string, what: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new UsageError(where, `"${value}"`, `a number of ${what} from 1`);
  return Number(value);
}

/** The widths of `knapsack:2,4`. */
function parseMenu(value: string): readonly Bits[] {
  const words = value.split(",");
  const menu = BITS.filter((bits) => words.includes(String(bits)));
  if (menu.length < words.length)
    throw new UsageError("policy: knapsack", `"${value.slice(0, 40)}"`, `some of ${BITS.join(", ")}, each once`);
  return menu;
}

function parsePercent(value: string, where: string): Percent {
  const [, whole, fraction = ""] = /^(\d{1,3})(?:\.(\d{1,4}))?%$/.exec(value) ?? [];
  const tenThousandths = whole === undefined ? 0 : Number(whole) * 10_000 + Number(fraction.padEnd(4, "0"));
  if (tenThousandths < 1 || tenThousandths > 1_000_000)
    throw new UsageError(where, `"${value}"`, "a percentage above 0% and up to 100%, such as 25%");
  return { tenThousandths };
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
