/** Filters of lists and mappings. */
import { printed } from "../values/python-printing.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import { applyOperator, compareValues } from "../values/template-operators.ts";
import {
  type CallArguments,
  isListValue,
  isMapping,
  isTrue,
  itemsOf,
  numberOf,
  type TemplateValue,
  tupleOf,
  typeName,
} from "../values/template-values.ts";
import { type Filter, type FilterCall, type FilterTable, filterOf, freeFilter } from "./filter-table.ts";
import { itemOf } from "./member-access.ts";
import { joinTexts } from "./string-methods.ts";
import { applyTest } from "./template-tests.ts";

export const LIST_FILTERS: FilterTable = {
  list: filterOf("", (value, { budget }) => [...copied(value, budget)]),
  first: filterOf("", (value, { budget }) => itemsOf(value, budget)[0]),
  last: filterOf("", (value, { budget }) => itemsOf(value, budget).at(-1)),
  length: filterOf("", lengthOf),
  reverse: filterOf("", reversed),
  join: filterOf("d attribute", join),
  unique: filterOf("case_sensitive attribute", unique),
  sort: filterOf("reverse case_sensitive attribute", sort),
  min: filterOf("case_sensitive attribute", (value, call) => sorted(value, call)[0]),
  max: filterOf("case_sensitive attribute", (value, call) => sorted(value, call).at(-1)),
  sum: filterOf("attribute start", sum),
  map: freeFilter(map),
  ...{ select: chosen(true, false), reject: chosen(false, false) },
  ...{ selectattr: chosen(true, true), rejectattr: chosen(false, true) },
  items: filterOf("", (value, { budget }) => entries(value, budget)),
  dictsort: filterOf("case_sensitive by reverse", dictsort),
  batch: filterOf("linecount fill_with", batch),
  attr: filterOf("name", (value, { args, budget }) => itemOf(value, args.text("name"), budget)),
};

function copied(value: TemplateValue, budget: TemplateBudget): readonly TemplateValue[] {
  const items = itemsOf(value, budget);
  budget.items(items.length);
  return items;
}

function lengthOf(value: TemplateValue, { budget }: FilterCall): TemplateValue {
  if (value === undefined) return 0;
  if (isMapping(value)) return value.size;
  if (isListValue(value)) return value.length;
  if (typeof value !== "string") throw new TemplateFault(`asks for the length of ${typeName(value)}`);
  budget.scan(8 * value.length);
  let length = 0;
  for (const _ of value) length++;
  return length;
}

function reversed(value: TemplateValue, { budget }: FilterCall): TemplateValue {
  const items = [...copied(value, budget)].reverse();
  return typeof value === "string" ? items.join("") : items;
}

function join(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const items = picked(copied(value, budget), args.value("attribute"), budget);
  const texts = items.map((item) => printed(item, budget));
  return joinTexts(texts, args.text("d", ""), budget);
}

/** An attribute of each item, such as `a` or `a.0.b`; the items themselves where none is named. */
function picked(
  items: readonly TemplateValue[],
  attribute: TemplateValue,
  budget: TemplateBudget,
): readonly TemplateValue[] {
  if (attribute === undefined || attribute === null) return items;
  return items.map((item) => attributeAt(item, attribute, budget));
}

function attributeAt(item: TemplateValue, attribute: TemplateValue, budget: TemplateBudget): TemplateValue {
  budget.step();
  if (typeof attribute !== "string") return itemOf(item, attribute, budget);
  let found = item;
  for (const part of attribute.split(".")) {
    if (found === undefined) return undefined;
    found = itemOf(found, /^\d+$/.test(part) ? Number(part) : part, budget);
  }
  return found;
}

function plainCase(value: TemplateValue, caseSensitive: boolean): TemplateValue {
  return typeof value === "string" && !caseSensitive ? value.toLowerCase() : value;
}

function unique(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const items = copied(value, budget);
  const keys = picked(items, args.value("attribute"), budget);
  const seen = new Set<TemplateValue>();
  return items.filter((_, i) => {
    const key = numberOf(keys[i]) ?? plainCase(keys[i], args.flag("case_sensitive", false));
    if (isListValue(key) || isMapping(key))
      throw new TemplateFault(`asks which of several ${typeName(key)} are unique`);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function sorted(value: TemplateValue, { args, budget }: FilterCall): TemplateValue[] {
  const caseSensitive = args.flag("case_sensitive", false);
  const items = copied(value, budget);
  const keys = picked(items, args.value("attribute"), budget).map((key) => plainCase(key, caseSensitive));
  const order = [...items.keys()].sort((a, b) => compareValues(keys[a], keys[b], budget));
  return order.map((at) => items[at]);
}

function sort(value: TemplateValue, call: FilterCall): TemplateValue {
  const items = sorted(value, call);
  if (!call.args.flag("reverse", false)) return items;
  // Python keeps equal items in their order when it sorts downwards.
  const keys = picked(items, call.args.value("attribute"), call.budget);
  const order = [...items.keys()].sort((a, b) => {
    const caseSensitive = call.args.flag("case_sensitive", false);
    return compareValues(plainCase(keys[b], caseSensitive), plainCase(keys[a], caseSensitive), call.budget);
  });
  return order.map((at) => items[at]);
}

function sum(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const items = picked(copied(value, budget), args.value("attribute"), budget);
  return items.reduce<TemplateValue>(
    (total, item) => applyOperator("+", total, item, budget),
    args.value("start") ?? 0,
  );
}

function map(value: TemplateValue, { raw, budget, apply }: FilterCall): TemplateValue {
  const items = copied(value, budget);
  const attribute = raw.named.get("attribute");
  if (attribute !== undefined) {
    const fallback = raw.named.get("default");
    return picked(items, attribute, budget).map((item) => (item === undefined ? fallback : item));
  }
  const [name, ...rest] = raw.positional;
  if (typeof name !== "string") throw new TemplateFault("uses map without a filter and without an attribute");
  return items.map((item) => apply(name, item, { positional: rest, named: raw.named }));
}

/** `select` and its relatives: the items that pass a test, or do not; the test of an attribute, or of the item. */
function chosen(keeps: boolean, byAttribute: boolean): Filter {
  return freeFilter((value, { raw, budget }) => {
    const [attribute, ...rest] = byAttribute ? raw.positional : [undefined, ...raw.positional];
    return copied(value, budget).filter((item) => {
      const tested = byAttribute ? attributeAt(item, attribute, budget) : item;
      return passes(tested, rest, budget) === keeps;
    });
  });
}

function passes(value: TemplateValue, [test, other]: CallArguments["positional"], budget: TemplateBudget): boolean {
  if (test === undefined) return isTrue(value);
  if (typeof test !== "string") throw new TemplateFault(`names a test by ${typeName(test)}`);
  return applyTest(test, value, other, budget);
}

function entries(value: TemplateValue, budget: TemplateBudget): TemplateValue[] {
  if (value === undefined) return [];
  if (!isMapping(value)) throw new TemplateFault(`asks for the items of ${typeName(value)}`);
  budget.items(3 * value.size);
  return [...value].map(tupleOf);
}

function dictsort(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const by = args.text("by", "key") === "value" ? 1 : 0;
  const caseSensitive = args.flag("case_sensitive", false);
  const sign = args.flag("reverse", false) ? -1 : 1;
  const keyAt = (entry: TemplateValue) => plainCase((entry as readonly TemplateValue[])[by], caseSensitive);
  return entries(value, budget).sort((a, b) => sign * compareValues(keyAt(a), keyAt(b), budget));
}

function batch(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const size = args.whole("linecount", 0);
  if (size < 1) throw new TemplateFault("makes batches of less than one item");
  const items = copied(value, budget);
  const fill = args.value("fill_with");
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => {
    const part = items.slice(i * size, (i + 1) * size);
    if (fill === undefined || fill === null) return part;
    budget.items(size);
    return [...part, ...Array.from({ length: size - part.length }, () => fill)];
  });
}
