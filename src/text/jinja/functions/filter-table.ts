/** What a filter is. */
import type { ArgumentReader } from "../values/call-arguments.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import type { CallArguments, TemplateValue } from "../values/template-values.ts";

export interface FilterCall {
  /** The arguments by the names of the filter's parameters. */
  readonly args: ArgumentReader;
  /** The arguments as they stand. */
  readonly raw: CallArguments;
  readonly budget: TemplateBudget;
  /** Applies another filter by its name: `map` does. */
  readonly apply: (name: string, value: TemplateValue, args: CallArguments) => TemplateValue;
}

export interface Filter {
  /** The parameters in their order; undefined for a filter that takes any. */
  readonly parameters: readonly string[] | undefined;
  readonly run: (value: TemplateValue, call: FilterCall) => TemplateValue;
}

export type FilterTable = Readonly<Record<string, Filter>>;

/** @param parameters names with spaces between them. */
export function filterOf(parameters: string, run: Filter["run"]): Filter {
  return { parameters: parameters === "" ? [] : parameters.split(" "), run };
}

export function freeFilter(run: Filter["run"]): Filter {
  return { parameters: undefined, run };
}
