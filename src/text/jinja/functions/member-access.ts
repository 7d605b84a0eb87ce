/** `a.b`, `a["b"]`, `a[0]` and `a[1:]`, as Jinja looks them up. */
import { ArgumentReader } from "../values/call-arguments.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import {
  FunctionValue,
  isListValue,
  isMapping,
  keyOf,
  LoopState,
  NamespaceValue,
  numberOf,
  type TemplateValue,
  tupleOf,
  typeName,
} from "../values/template-values.ts";
import { callStringMethod, hasStringMethod } from "./string-methods.ts";

/** `value.name`: methods come before the keys of a mapping, as in Jinja. */
export function attributeOf(value: TemplateValue, name: string, budget: TemplateBudget): TemplateValue {
  if (value === undefined) throw new TemplateFault(`asks for ${name} of a value that is undefined`);
  return methodOf(value, name, budget) ?? fieldOf(value, name);
}

/** `value[key]`: the keys of a mapping come before its methods. */
export function itemOf(value: TemplateValue, key: TemplateValue, budget: TemplateBudget): TemplateValue {
  if (value === undefined) throw new TemplateFault(`asks for an item of a value that is undefined`);
  if (isMapping(value) && value.has(keyOf(key))) return value.get(keyOf(key));
  const place = typeof key === "number" ? key : undefined;
  if (isListValue(value) && place !== undefined) return value.at(place);
  if (typeof value === "string" && place !== undefined) return characterAt(value, place, budget);
  if (typeof key !== "string") return undefined;
  return fieldOf(value, key) ?? methodOf(value, key, budget);
}

function fieldOf(value: TemplateValue, name: string): TemplateValue {
  if (isMapping(value)) return value.get(name);
  if (value instanceof NamespaceValue) return value.fields.get(name);
  return value instanceof LoopState ? value.get(name) : undefined;
}

function characterAt(text: string, place: number, budget: TemplateBudget): string | undefined {
  budget.scan(8 * text.length);
  return [...text].at(place);
}

function methodOf(value: TemplateValue, name: string, budget: TemplateBudget): FunctionValue | undefined {
  if (typeof value === "string" && hasStringMethod(name))
    return new FunctionValue((args) => callStringMethod(value, name, args, budget));
  if (isMapping(value)) return mappingMethod(value, name, budget);
  if (isListValue(value) && (name === "index" || name === "count"))
    throw new TemplateFault(`uses the method ${name} of a list, which is not known here`);
  return undefined;
}

function mappingMethod(
  mapping: ReadonlyMap<TemplateValue, TemplateValue>,
  name: string,
  budget: TemplateBudget,
): FunctionValue | undefined {
  const listed = (list: () => TemplateValue[]) =>
    new FunctionValue((args) => {
      new ArgumentReader(`the method ${name}`, args, []);
      budget.items(2 * mapping.size);
      return list();
    });
  if (name === "items") return listed(() => [...mapping].map(tupleOf));
  if (name === "keys") return listed(() => [...mapping.keys()]);
  if (name === "values") return listed(() => [...mapping.values()]);
  if (name === "copy") return new FunctionValue(() => mapping);
  if (name !== "get") return undefined;
  return new FunctionValue((args) => {
    const reader = new ArgumentReader("the method get", args, ["key", "default"]);
    const key = keyOf(reader.value("key"));
    if (mapping.has(key)) return mapping.get(key);
    return reader.has("default") ? reader.value("default") : null;
  });
}

/** The ends of a slice; undefined for one that is left out. */
export interface SliceEnds {
  readonly start: TemplateValue;
  readonly stop: TemplateValue;
  readonly step: TemplateValue;
}

export function sliceOf(value: TemplateValue, ends: SliceEnds, budget: TemplateBudget): TemplateValue {
  if (typeof value !== "string" && !isListValue(value)) throw new TemplateFault(`cuts a slice of ${typeName(value)}`);
  budget.items(value.length);
  const items: readonly TemplateValue[] = typeof value === "string" ? [...value] : value;
  const step = endOf(ends.step) ?? 1;
  if (step === 0) throw new TemplateFault("cuts a slice with a step of 0");
  const [least, most] = step > 0 ? [0, items.length] : [-1, items.length - 1];
  const place = (end: TemplateValue, fallback: number) => {
    const at = endOf(end);
    return at === undefined ? fallback : Math.min(Math.max(at < 0 ? at + items.length : at, least), most);
  };
  const [start, stop] = [place(ends.start, step > 0 ? least : most), place(ends.stop, step > 0 ? most : least)];
  const kept: TemplateValue[] = [];
  for (let at = start; step > 0 ? at < stop : at > stop; at += step) kept.push(items[at]);
  return typeof value === "string" ? kept.join("") : kept;
}

function endOf(value: TemplateValue): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = numberOf(value);
  if (number !== undefined && Number.isInteger(number)) return number;
  throw new TemplateFault(`cuts a slice at ${typeName(value)}`);
}
