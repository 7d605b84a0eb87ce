/** The filters of templates: what may stand after `|`. */
import { ArgumentReader } from "../values/call-arguments.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import type { CallArguments, TemplateValue } from "../values/template-values.ts";
import type { FilterTable } from "./filter-table.ts";
import { LIST_FILTERS } from "./list-filters.ts";
import { TEXT_FILTERS } from "./text-filters.ts";

const FILTERS: FilterTable = { ...LIST_FILTERS, ...TEXT_FILTERS };
const OTHER_NAMES: Readonly<Record<string, string>> = { d: "default", e: "escape", count: "length" };

export function applyFilter(
  name: string,
  value: TemplateValue,
  raw: CallArguments,
  budget: TemplateBudget,
): TemplateValue {
  const known = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : name;
  if (!Object.hasOwn(FILTERS, known)) throw new TemplateFault(`uses the filter ${name}, which is not known here`);
  budget.step();
  const { parameters, run } = FILTERS[known];
  const everything = { positional: [], named: new Map<string, TemplateValue>() };
  const args = new ArgumentReader(`the filter ${name}`, parameters === undefined ? everything : raw, parameters ?? []);
  const apply = (other: string, item: TemplateValue, rest: CallArguments) => applyFilter(other, item, rest, budget);
  return run(value, { args, raw, budget, apply });
}
