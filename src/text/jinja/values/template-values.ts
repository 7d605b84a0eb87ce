/** The values of templates, with Python's meaning of truth and equality. */
import type { TemplateBudget } from "./template-budget.ts";
import { TemplateFault } from "./template-fault.ts";

/** A whole number is a JavaScript number; `undefined` is Jinja's undefined, `null` Python's None. */
export type TemplateValue =
  | undefined
  | null
  | boolean
  | number
  | FloatValue
  | string
  | readonly TemplateValue[]
  | ReadonlyMap<TemplateValue, TemplateValue>
  | NamespaceValue
  | LoopState
  | FunctionValue;

export class FloatValue {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** What `namespace()` makes: the only value that a template can change. */
export class NamespaceValue {
  readonly fields: Map<string, TemplateValue>;
  constructor(fields: Map<string, TemplateValue>) {
    this.fields = fields;
  }
}

export interface CallArguments {
  readonly positional: readonly TemplateValue[];
  readonly named: ReadonlyMap<string, TemplateValue>;
}

/** A macro, a global function, or a method that is bound to its value. */
export class FunctionValue {
  readonly call: (args: CallArguments) => TemplateValue;
  constructor(call: (args: CallArguments) => TemplateValue) {
    this.call = call;
  }
}

/** The variable `loop`. */
export class LoopState {
  readonly #items: readonly TemplateValue[];
  at = 0;
  constructor(items: readonly TemplateValue[]) {
    this.#items = items;
  }

  get(name: string): TemplateValue {
    const { length } = this.#items;
    if (name === "index") return this.at + 1;
    if (name === "index0") return this.at;
    if (name === "revindex") return length - this.at;
    if (name === "revindex0") return length - this.at - 1;
    if (name === "first") return this.at === 0;
    if (name === "last") return this.at === length - 1;
    if (name === "length") return length;
    if (name === "previtem") return this.#items[this.at - 1];
    if (name === "nextitem") return this.#items[this.at + 1];
    if (name === "cycle") return new FunctionValue(({ positional }) => positional[this.at % positional.length]);
    return undefined;
  }
}

const TUPLES = new WeakSet<readonly TemplateValue[]>();

/** A list that is written with round brackets. */
export function tupleOf(items: readonly TemplateValue[]): readonly TemplateValue[] {
  TUPLES.add(items);
  return items;
}

export function isTuple(value: readonly TemplateValue[]): boolean {
  return TUPLES.has(value);
}

export function isListValue(value: TemplateValue): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

export function isMapping(value: TemplateValue): value is ReadonlyMap<TemplateValue, TemplateValue> {
  return value instanceof Map;
}

/** The number in a value; undefined for what is none. As in Python, true is 1. */
export function numberOf(value: TemplateValue): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  return value instanceof FloatValue ? value.value : undefined;
}

export function isTrue(value: TemplateValue): boolean {
  if (isListValue(value)) return value.length > 0;
  if (isMapping(value)) return value.size > 0;
  return value instanceof FloatValue ? value.value !== 0 : Boolean(value);
}

export function areEqual(a: TemplateValue, b: TemplateValue, budget: TemplateBudget): boolean {
  budget.step();
  if (typeof a === "string" || typeof b === "string") {
    if (typeof a === "string" && typeof b === "string") budget.scan(Math.min(a.length, b.length));
    return a === b;
  }
  if (isListValue(a) && isListValue(b))
    return a.length === b.length && budget.deeper(() => a.every((item, i) => areEqual(item, b[i], budget)));
  if (isMapping(a) && isMapping(b))
    return (
      a.size === b.size &&
      budget.deeper(() => [...a].every(([key, value]) => b.has(key) && areEqual(value, b.get(key), budget)))
    );
  const number = numberOf(a);
  return number === undefined ? a === b : number === numberOf(b);
}

/** Python's name of a value's type, for messages. */
export function typeName(value: TemplateValue): string {
  if (value === undefined) return "undefined";
  if (value === null) return "None";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return "a boolean";
  if (typeof value === "number" || value instanceof FloatValue) return "a number";
  if (isListValue(value)) return "a list";
  return isMapping(value) ? "a mapping" : value instanceof NamespaceValue ? "a namespace" : "a function";
}

/** What a loop or a filter goes through: a text by characters, a mapping by keys, undefined as nothing. */
export function itemsOf(value: TemplateValue, budget: TemplateBudget): readonly TemplateValue[] {
  if (isListValue(value)) return value;
  if (value === undefined) return [];
  if (typeof value === "string") {
    budget.items(value.length);
    return [...value];
  }
  if (!isMapping(value)) throw new TemplateFault(`goes through ${typeName(value)}, which holds no items`);
  budget.items(value.size);
  return [...value.keys()];
}

/** What `for` and lookups use as the key of a mapping: 1.0 and true are the key 1. */
export function keyOf(value: TemplateValue): TemplateValue {
  return numberOf(value) ?? value;
}
