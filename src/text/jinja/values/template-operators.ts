/** The operators of templates, as Python computes them. */
import { printed } from "./python-printing.ts";
import type { TemplateBudget } from "./template-budget.ts";
import { TemplateFault } from "./template-fault.ts";
import {
  areEqual,
  FloatValue,
  isListValue,
  isMapping,
  keyOf,
  numberOf,
  type TemplateValue,
  typeName,
} from "./template-values.ts";

/** Two operands that are evaluated already; `and` and `or` are the evaluator's. */
export function applyOperator(
  operator: string,
  left: TemplateValue,
  right: TemplateValue,
  budget: TemplateBudget,
): TemplateValue {
  switch (operator) {
    case "==":
      return areEqual(left, right, budget);
    case "!=":
      return !areEqual(left, right, budget);
    case "in":
      return contains(right, left, budget);
    case "not in":
      return !contains(right, left, budget);
    case "~":
      return joined(printed(left, budget), printed(right, budget), budget);
    case "<":
      return compareValues(left, right, budget) < 0;
    case ">":
      return compareValues(left, right, budget) > 0;
    case "<=":
      return compareValues(left, right, budget) <= 0;
    case ">=":
      return compareValues(left, right, budget) >= 0;
    default:
      return arithmetic(operator, left, right, budget);
  }
}

function joined(left: string, right: string, budget: TemplateBudget): string {
  budget.text(left.length + right.length);
  return left + right;
}

function contains(whole: TemplateValue, part: TemplateValue, budget: TemplateBudget): boolean {
  if (typeof whole === "string" && typeof part === "string") {
    budget.scan(whole.length + part.length);
    return whole.includes(part);
  }
  if (isListValue(whole)) return whole.some((item) => areEqual(item, part, budget));
  if (isMapping(whole)) return whole.has(keyOf(part));
  if (whole === undefined) return false;
  throw new TemplateFault(`looks for ${typeName(part)} in ${typeName(whole)}`);
}

/** Below, at or above 0, as `left` is before, at or after `right`. */
export function compareValues(left: TemplateValue, right: TemplateValue, budget: TemplateBudget): number {
  budget.step();
  if (typeof left === "string" && typeof right === "string") {
    budget.scan(Math.min(left.length, right.length));
    return comparePlain(left, right);
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) return a - b;
  if (isListValue(left) && isListValue(right)) return budget.deeper(() => compareLists(left, right, budget));
  throw new TemplateFault(`compares ${typeName(left)} with ${typeName(right)}`);
}

function compareLists(left: readonly TemplateValue[], right: readonly TemplateValue[], budget: TemplateBudget): number {
  for (let i = 0; i < left.length && i < right.length; i++)
    if (!areEqual(left[i], right[i], budget)) return compareValues(left[i], right[i], budget);
  return left.length - right.length;
}

/** By code points: a half of a pair, which UTF-16 puts before U+E000, counts as more. */
function comparePlain(left: string, right: string): number {
  if (left === right) return 0;
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at++;
  const order = (unit: number) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
  const [a, b] = [left.charCodeAt(at), right.charCodeAt(at)];
  return Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : order(a) - order(b);
}

function arithmetic(
  operator: string,
  left: TemplateValue,
  right: TemplateValue,
  budget: TemplateBudget,
): TemplateValue {
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a !== undefined && b !== undefined) {
    const isFloat = left instanceof FloatValue || right instanceof FloatValue || operator === "/";
    const result = compute(operator, a, b);
    return isFloat || (operator === "**" && b < 0) ? new FloatValue(result) : result;
  }
  if (operator === "+" && typeof left === "string" && typeof right === "string") return joined(left, right, budget);
  if (operator === "+" && isListValue(left) && isListValue(right)) {
    budget.items(left.length + right.length);
    return [...left, ...right];
  }
  if (operator === "*" && (typeof left === "string" || isListValue(left)) && b !== undefined)
    return repeat(left, b, budget);
  if (operator === "*" && (typeof right === "string" || isListValue(right)) && a !== undefined)
    return repeat(right, a, budget);
  throw new TemplateFault(`computes ${typeName(left)} ${operator} ${typeName(right)}`);
}

function compute(operator: string, a: number, b: number): number {
  if (b === 0 && (operator === "/" || operator === "//" || operator === "%"))
    throw new TemplateFault("divides by zero");
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (operator === "/") return a / b;
  if (operator === "//") return Math.floor(a / b);
  // The result has the sign of the divisor, as in Python.
  if (operator === "%") return a - b * Math.floor(a / b);
  if (operator !== "**") throw new TemplateFault(`uses the operator ${operator}, which is not known here`);
  const power = a ** b;
  if (Number.isFinite(power)) return power;
  throw new TemplateFault("raises to a power that is no finite number");
}

function repeat(what: string | readonly TemplateValue[], times: number, budget: TemplateBudget): TemplateValue {
  const count = Math.max(0, Math.trunc(times));
  if (typeof what === "string") {
    budget.text(what.length * count);
    return what.repeat(count);
  }
  budget.items(what.length * count);
  return Array.from({ length: what.length * count }, (_, i) => what[i % what.length]);
}
