/** The variables that every template sees, and what callers give as JSON. */
import { UsageError } from "../../base/errors.ts";
import { formatTime } from "./format-time.ts";
import { TemplateScope } from "./template-scope.ts";
import { ArgumentReader } from "./values/call-arguments.ts";
import { printed } from "./values/python-printing.ts";
import type { TemplateBudget } from "./values/template-budget.ts";
import { RaisedByTemplate, TemplateFault } from "./values/template-fault.ts";
import {
  type CallArguments,
  FloatValue,
  FunctionValue,
  isMapping,
  itemsOf,
  NamespaceValue,
  type TemplateValue,
} from "./values/template-values.ts";

/** Limit on the nesting of messages and variables. */
const MAX_DEPTH = 100;

export function globalScope(variables: Readonly<Record<string, unknown>>, budget: TemplateBudget): TemplateScope {
  const scope = new TemplateScope();
  for (const [name, value] of Object.entries({ true: true, false: false, none: null })) {
    scope.set(name, value);
    scope.set(name[0].toUpperCase() + name.slice(1), value);
  }
  const functions: Readonly<Record<string, (args: CallArguments) => TemplateValue>> = {
    namespace: (args) => namespaceOf(args, budget),
    dict: (args) => new Map<TemplateValue, TemplateValue>(namespaceOf(args, budget).fields),
    range: (args) => rangeOf(args, budget),
    raise_exception: (args) => {
      const message = new ArgumentReader("raise_exception", args, ["message"]).value("message");
      throw new RaisedByTemplate(printed(message, budget));
    },
    strftime_now: (args) => formatTime(new Date(), new ArgumentReader("strftime_now", args, ["format"]).text("format")),
  };
  for (const [name, call] of Object.entries(functions)) scope.set(name, new FunctionValue(call));
  for (const [name, value] of Object.entries(variables)) scope.set(name, fromJson(value, name, budget));
  return scope;
}

function namespaceOf({ positional, named }: CallArguments, budget: TemplateBudget): NamespaceValue {
  const fields = new Map<string, TemplateValue>();
  for (const source of positional) {
    if (isMapping(source)) for (const [key, value] of source) fields.set(String(key), value);
    else
      for (const pair of itemsOf(source, budget)) {
        const [key, value] = itemsOf(pair, budget);
        fields.set(String(key), value);
      }
  }
  for (const [key, value] of named) fields.set(key, value);
  budget.items(fields.size);
  return new NamespaceValue(fields);
}

function rangeOf(args: CallArguments, budget: TemplateBudget): TemplateValue {
  const reader = new ArgumentReader("range", args, ["start", "stop", "step"]);
  const isOne = args.positional.length === 1;
  const [start, stop] = isOne ? [0, reader.whole("start", 0)] : [reader.whole("start", 0), reader.whole("stop", 0)];
  const step = reader.whole("step", 1);
  if (step === 0) throw new TemplateFault("gives range a step of 0");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  budget.items(length);
  return Array.from({ length }, (_, i) => start + i * step);
}

/**
 * JSON as values of a template.
 * @throws UsageError for what is not JSON: functions, dates, values that hold themselves.
 */
function fromJson(value: unknown, where: string, budget: TemplateBudget, depth = 0): TemplateValue {
  budget.step();
  if (value === undefined || value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isInteger(value) ? value : new FloatValue(value);
  if (depth > MAX_DEPTH) throw new UsageError(where, "a value that nests too deep", `at most ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) {
    budget.items(value.length);
    return Array.from(value as unknown[], (item, i) => fromJson(item, `${where}[${i}]`, budget, depth + 1));
  }
  if (typeof value !== "object" || !isPlain(value))
    throw new UsageError(where, typeof value === "object" ? "an object of a class" : `a ${typeof value}`, "JSON");
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  budget.items(2 * entries.length);
  return new Map(entries.map(([key, item]) => [key, fromJson(item, `${where}.${key}`, budget, depth + 1)]));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
