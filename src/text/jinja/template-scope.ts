/** The variables that a part of a template sees. */
import type { TemplateValue } from "./values/template-values.ts";

export class TemplateScope {
  readonly #own = new Map<string, TemplateValue>();
  readonly #outer: TemplateScope | undefined;

  constructor(outer?: TemplateScope) {
    this.#outer = outer;
  }

  get(name: string): TemplateValue {
    for (let scope: TemplateScope | undefined = this; scope !== undefined; scope = scope.#outer)
      if (scope.#own.has(name)) return scope.#own.get(name);
    return undefined;
  }

  set(name: string, value: TemplateValue): void {
    this.#own.set(name, value);
  }
}
