/** Filters that give a text or a number. */
import { type JsonStyle, printed, toPythonJson } from "../values/python-printing.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import { FloatValue, isTrue, numberOf, type TemplateValue, typeName } from "../values/template-values.ts";
import { type Filter, type FilterCall, type FilterTable, filterOf } from "./filter-table.ts";
import { stripOf } from "./string-cutting.ts";
import { callStringMethod, replaceText } from "./string-methods.ts";

/** A method of strings, as a filter. */
function asMethod(name: string): Filter {
  const none = { positional: [], named: new Map<string, TemplateValue>() };
  return filterOf("", (value, { budget }) => callStringMethod(printed(value, budget), name, none, budget));
}

export const TEXT_FILTERS: FilterTable = {
  ...{ upper: asMethod("upper"), lower: asMethod("lower"), capitalize: asMethod("capitalize") },
  title: filterOf("", (value, { budget }) => titleOf(printed(value, budget), budget)),
  trim: filterOf("chars", (value, { args, budget }) => stripOf(printed(value, budget), args, budget, "both")),
  string: filterOf("", (value, { budget }) => printed(value, budget)),
  safe: filterOf("", (value) => value),
  escape: filterOf("", (value, { budget }) => escapeHtml(printed(value, budget), budget)),
  replace: filterOf("old new count", (value, { args, budget }) => {
    const [old, fresh, count] = [args.text("old"), args.text("new"), args.whole("count", -1)];
    return replaceText(printed(value, budget), { old, fresh, count }, budget);
  }),
  indent: filterOf("width first blank", indentLines),
  wordcount: filterOf("", countWords),
  tojson: filterOf("ensure_ascii indent separators sort_keys", jsonOf),
  int: filterOf("default base", (value, { args }) => wholeFrom(value) ?? args.value("default") ?? 0),
  float: filterOf("default", (value, { args }) => floatFrom(value) ?? args.value("default") ?? new FloatValue(0)),
  abs: filterOf("", absolute),
  round: filterOf("precision method", roundTo),
  default: filterOf("default_value boolean", (value, { args }) => {
    if (value !== undefined && (isTrue(value) || !args.flag("boolean", false))) return value;
    return args.has("default_value") ? args.value("default_value") : "";
  }),
};

function titleOf(text: string, budget: TemplateBudget): string {
  budget.text(text.length);
  return text.replace(/[^-\s({[<]+/g, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
}

const HTML: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" },
};

function escapeHtml(text: string, budget: TemplateBudget): string {
  budget.text(5 * text.length);
  return text.replace(/[&<>'"]/g, (sign) => HTML[sign]);
}

/** Indents all lines but the first and the empty ones. */
function indentLines(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const text = printed(value, budget);
  const width = typeof args.value("width") === "string" ? args.text("width") : spaces(args.whole("width", 4), budget);
  const [first, blank] = [args.flag("first", false), args.flag("blank", false)];
  budget.scan(text.length);
  const lines = text.split("\n");
  budget.text(text.length + lines.length * width.length);
  return lines.map((line, i) => ((i > 0 || first) && (line !== "" || blank) ? width + line : line)).join("\n");
}

function spaces(count: number, budget: TemplateBudget): string {
  budget.text(Math.max(0, count));
  return " ".repeat(Math.max(0, count));
}

function countWords(value: TemplateValue, { budget }: FilterCall): TemplateValue {
  const text = printed(value, budget);
  budget.items(text.length / 2);
  return (text.match(/[\p{L}\p{N}_]+/gu) ?? []).length;
}

function jsonOf(value: TemplateValue, { args, budget }: FilterCall): TemplateValue {
  const width = args.value("indent") ?? undefined;
  const indent = width === undefined || typeof width === "string" ? width : spaces(args.whole("indent", 0), budget);
  const given = args.value("separators");
  const [item, key] = Array.isArray(given) ? given : [indent === undefined ? ", " : ",", ": "];
  if (typeof item !== "string" || typeof key !== "string")
    throw new TemplateFault("gives tojson separators that are not two texts");
  const style: JsonStyle = {
    ensureAscii: args.flag("ensure_ascii", false),
    ...{ indent, separators: [item, key], sortKeys: args.flag("sort_keys", false) },
  };
  return toPythonJson(value, style, budget);
}

function wholeFrom(value: TemplateValue): number | undefined {
  if (typeof value === "string")
    return /^\s*[-+]?\d+(?:\.\d*)?\s*$/.test(value) ? Math.trunc(Number(value)) : undefined;
  const number = numberOf(value);
  return number === undefined ? undefined : Math.trunc(number);
}

function floatFrom(value: TemplateValue): FloatValue | undefined {
  const number = typeof value === "string" ? Number(value.trim() === "" ? Number.NaN : value) : numberOf(value);
  return number === undefined || Number.isNaN(number) ? undefined : new FloatValue(number);
}

function absolute(value: TemplateValue): TemplateValue {
  const number = needNumber(value);
  return value instanceof FloatValue ? new FloatValue(Math.abs(number)) : Math.abs(number);
}

function roundTo(value: TemplateValue, { args }: FilterCall): TemplateValue {
  const method = args.text("method", "common");
  const scale = 10 ** Math.min(20, args.whole("precision", 0));
  const scaled = needNumber(value) * scale;
  if (method === "ceil") return new FloatValue(Math.ceil(scaled) / scale);
  if (method === "floor") return new FloatValue(Math.floor(scaled) / scale);
  // Python rounds a half to the even neighbour.
  const near = Math.abs(scaled % 1) === 0.5 ? 2 * Math.round(scaled / 2) : Math.round(scaled);
  return new FloatValue(near / scale);
}

function needNumber(value: TemplateValue): number {
  const number = numberOf(value);
  if (number !== undefined) return number;
  throw new TemplateFault(`computes with ${typeName(value)}`);
}
