/** Reads the arguments of a method, filter or function by place or by name. */
import { TemplateFault } from "./template-fault.ts";
import { type CallArguments, FloatValue, isTrue, numberOf, type TemplateValue, typeName } from "./template-values.ts";

export class ArgumentReader {
  readonly #what: string;
  readonly #args: CallArguments;
  readonly #names: readonly string[];

  /** @param names the parameters in their order. */
  constructor(what: string, args: CallArguments, names: readonly string[]) {
    this.#what = what;
    this.#args = args;
    this.#names = names;
    const strange = [...args.named.keys()].find((name) => !names.includes(name));
    if (args.positional.length > names.length)
      throw new TemplateFault(`gives ${what} more than ${names.length} arguments`);
    if (strange !== undefined) throw new TemplateFault(`gives ${what} the argument ${strange}, which it does not have`);
  }

  has(name: string): boolean {
    return this.#args.positional.length > this.#names.indexOf(name) || this.#args.named.has(name);
  }

  value(name: string): TemplateValue {
    const place = this.#names.indexOf(name);
    return place < this.#args.positional.length ? this.#args.positional[place] : this.#args.named.get(name);
  }

  text(name: string, fallback?: string): string {
    const value = this.value(name);
    if (typeof value === "string") return value;
    if (fallback !== undefined && (value === undefined || value === null)) return fallback;
    throw this.#fault(name, value, "a string");
  }

  whole(name: string, fallback: number): number {
    const value = this.value(name);
    if (value === undefined || value === null) return fallback;
    const number = numberOf(value);
    if (number === undefined || value instanceof FloatValue || !Number.isSafeInteger(number))
      throw this.#fault(name, value, "a whole number");
    return number;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.has(name) ? isTrue(this.value(name)) : fallback;
  }

  #fault(name: string, value: TemplateValue, expected: string): TemplateFault {
    return new TemplateFault(`gives ${this.#what} ${typeName(value)} as ${name}, where ${expected} is expected`);
  }
}
