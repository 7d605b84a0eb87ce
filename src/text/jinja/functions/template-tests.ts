/** What may stand after `is`, and be named by `selectattr` and its relatives. */

import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import { applyOperator } from "../values/template-operators.ts";
import {
  FloatValue,
  FunctionValue,
  isListValue,
  isMapping,
  numberOf,
  type TemplateValue,
  typeName,
} from "../values/template-values.ts";

type Test = (value: TemplateValue, other: TemplateValue, budget: TemplateBudget) => boolean;

const isNumber = (value: TemplateValue) => typeof value === "number" || value instanceof FloatValue;
const compared =
  (operator: string): Test =>
  (value, other, budget) =>
    applyOperator(operator, value, other, budget) === true;

const TESTS: Readonly<Record<string, Test>> = {
  defined: (value) => value !== undefined,
  undefined: (value) => value === undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  true: (value) => value === true,
  false: (value) => value === false,
  string: (value) => typeof value === "string",
  number: (value) => isNumber(value) || typeof value === "boolean",
  integer: (value) => typeof value === "number",
  float: (value) => value instanceof FloatValue,
  mapping: isMapping,
  sequence: (value) => typeof value === "string" || isListValue(value) || isMapping(value),
  iterable: (value) => typeof value === "string" || value === undefined || isListValue(value) || isMapping(value),
  callable: (value) => value instanceof FunctionValue,
  odd: (value) => Math.abs(wholeOf(value)) % 2 === 1,
  even: (value) => wholeOf(value) % 2 === 0,
  divisibleby: (value, other) => wholeOf(value) % wholeOf(other) === 0,
  lower: (value) => typeof value === "string" && value === value.toLowerCase() && value !== value.toUpperCase(),
  upper: (value) => typeof value === "string" && value === value.toUpperCase() && value !== value.toLowerCase(),
  in: (value, other, budget) => applyOperator("in", value, other, budget) === true,
  sameas: (value, other) => value === other,
  ...{ eq: compared("=="), equalto: compared("=="), "==": compared("=="), ne: compared("!="), "!=": compared("!=") },
  ...{ lt: compared("<"), lessthan: compared("<"), "<": compared("<"), le: compared("<="), "<=": compared("<=") },
  ...{ gt: compared(">"), greaterthan: compared(">"), ">": compared(">"), ge: compared(">="), ">=": compared(">=") },
};

/** @param other the argument of the tests that compare. */
export function applyTest(name: string, value: TemplateValue, other: TemplateValue, budget: TemplateBudget): boolean {
  if (!Object.hasOwn(TESTS, name)) throw new TemplateFault(`uses the test ${name}, which is not known here`);
  budget.step();
  if (typeof value === "string") budget.scan(value.length);
  return TESTS[name](value, other, budget);
}

function wholeOf(value: TemplateValue): number {
  const number = numberOf(value);
  if (number !== undefined) return number;
  throw new TemplateFault(`asks whether ${typeName(value)} can be divided`);
}
