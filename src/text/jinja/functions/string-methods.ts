/** The methods that Python's strings have, as far as templates use them. */
import { capitalize } from "../../parts/python-text.ts";
import { ArgumentReader } from "../values/call-arguments.ts";
import { printed } from "../values/python-printing.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import { type CallArguments, isListValue, itemsOf, type TemplateValue, typeName } from "../values/template-values.ts";
import { countOf, isSpace, partitionAt, splitText, stripOf, textLines } from "./string-cutting.ts";

type Method = (text: string, args: ArgumentReader, budget: TemplateBudget) => TemplateValue;

/** The parameters of a method, and what it does. */
interface StringMethod {
  readonly parameters: readonly string[];
  readonly run: Method;
}

function plain(change: (text: string) => TemplateValue): StringMethod {
  return {
    parameters: [],
    run: (text, _args, budget) => {
      budget.text(text.length);
      return change(text);
    },
  };
}

function method(parameters: string, run: Method): StringMethod {
  return { parameters: parameters.split(" "), run };
}

const isAll = (pattern: RegExp) => plain((text) => pattern.test(text));

const METHODS: Readonly<Record<string, StringMethod>> = {
  upper: plain((text) => text.toUpperCase()),
  lower: plain((text) => text.toLowerCase()),
  casefold: plain((text) => text.toLowerCase()),
  capitalize: plain(capitalize),
  title: plain(titleOf),
  isdigit: isAll(/^\p{Nd}+$/u),
  isnumeric: isAll(/^\p{N}+$/u),
  isalpha: isAll(/^\p{L}+$/u),
  isalnum: isAll(/^[\p{L}\p{N}]+$/u),
  isspace: plain((text) => text !== "" && [...text].every(isSpace)),
  isupper: plain((text) => text === text.toUpperCase() && text !== text.toLowerCase()),
  islower: plain((text) => text === text.toLowerCase() && text !== text.toUpperCase()),
  strip: method("chars", (text, args, budget) => stripOf(text, args, budget, "both")),
  lstrip: method("chars", (text, args, budget) => stripOf(text, args, budget, "start")),
  rstrip: method("chars", (text, args, budget) => stripOf(text, args, budget, "end")),
  startswith: method("prefix", (text, args) => prefixes(args, "prefix").some((part) => text.startsWith(part))),
  endswith: method("suffix", (text, args) => prefixes(args, "suffix").some((part) => text.endsWith(part))),
  removeprefix: method("prefix", (text, args) => {
    const part = args.text("prefix");
    return text.startsWith(part) ? text.slice(part.length) : text;
  }),
  removesuffix: method("suffix", (text, args) => {
    const part = args.text("suffix");
    return part !== "" && text.endsWith(part) ? text.slice(0, -part.length) : text;
  }),
  split: method("sep maxsplit", (text, args, budget) => splitText(text, args, budget, false)),
  rsplit: method("sep maxsplit", (text, args, budget) => splitText(text, args, budget, true)),
  splitlines: method("keepends", textLines),
  partition: method("sep", (text, args) => partitionAt(text, text.indexOf(args.text("sep")), args.text("sep"), false)),
  rpartition: method("sep", (text, args) =>
    partitionAt(text, text.lastIndexOf(args.text("sep")), args.text("sep"), true),
  ),
  replace: method("old new count", replaceIn),
  find: method("sub", (text, args, budget) => placeOf(text, text.indexOf(args.text("sub")), budget)),
  rfind: method("sub", (text, args, budget) => placeOf(text, text.lastIndexOf(args.text("sub")), budget)),
  index: method("sub", (text, args, budget) => {
    const at = text.indexOf(args.text("sub"));
    if (at < 0) throw new TemplateFault("asks for the index of a text that is not there");
    return placeOf(text, at, budget);
  }),
  count: method("sub", (text, args, budget) => countOf(text, args.text("sub"), budget)),
  join: method("items", (text, args, budget) => joinTexts(itemsOf(args.value("items"), budget), text, budget)),
};

/** Calls a method that `hasStringMethod` knows. */
export function callStringMethod(
  text: string,
  name: string,
  args: CallArguments,
  budget: TemplateBudget,
): TemplateValue {
  if (name === "format") return formatText(text, args, budget);
  const { parameters, run } = METHODS[name];
  budget.scan(text.length);
  return run(text, new ArgumentReader(`the method ${name}`, args, parameters), budget);
}

export function hasStringMethod(name: string): boolean {
  return name === "format" || Object.hasOwn(METHODS, name);
}

function titleOf(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => capitalize(word));
}

function prefixes(args: ArgumentReader, name: string): string[] {
  const value = args.value(name);
  return isListValue(value) ? value.filter((part) => typeof part === "string") : [args.text(name)];
}

/** `str.replace`: without a count all of them. An empty text stands between all characters. */
function replaceIn(text: string, args: ArgumentReader, budget: TemplateBudget): string {
  const count = args.whole("count", -1);
  return replaceText(text, { old: args.text("old"), fresh: args.text("new"), count }, budget);
}

export interface Replacement {
  readonly old: string;
  readonly fresh: string;
  /** Below 0: all. */
  readonly count: number;
}

export function replaceText(text: string, { old, fresh, count }: Replacement, budget: TemplateBudget): string {
  const found = old === "" ? text.length + 1 : countOf(text, old, budget);
  const times = count < 0 ? found : Math.min(count, found);
  budget.text(text.length + times * fresh.length);
  if (old === "") {
    const signs = [...text, ""];
    return signs.map((sign, i) => (i < times ? fresh : "") + sign).join("");
  }
  if (times === found) return text.replaceAll(old, () => fresh);
  const parts: string[] = [];
  let done = 0;
  for (let i = 0; i < times; i++) {
    const at = text.indexOf(old, done);
    parts.push(text.slice(done, at), fresh);
    done = at + old.length;
  }
  return parts.join("") + text.slice(done);
}

/** A place in UTF-16 units as Python counts it: in characters. */
function placeOf(text: string, at: number, budget: TemplateBudget): number {
  if (at <= 0) return at;
  budget.scan(8 * at);
  return [...text.slice(0, at)].length;
}

export function joinTexts(items: readonly TemplateValue[], separator: string, budget: TemplateBudget): string {
  const texts = items.map((item) => {
    if (typeof item === "string") return item;
    throw new TemplateFault(`joins ${typeName(item)} to a text`);
  });
  budget.text(separator.length * texts.length + texts.reduce((sum, text) => sum + text.length, 0));
  return texts.join(separator);
}

/** `str.format` with fields of a place or a name, without formats of their own. */
function formatText(text: string, { positional, named }: CallArguments, budget: TemplateBudget): string {
  let next = 0;
  const parts: string[] = [];
  for (const part of text.match(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g) ?? []) {
    if (part === "{{" || part === "}}") parts.push(part[0]);
    else if (part[0] !== "{") parts.push(part);
    else {
      const name = part.slice(1, -1);
      if (!/^\w*$/.test(name)) throw new TemplateFault("formats a text in a way that is not known here");
      const value = name === "" ? positional[next++] : /^\d/.test(name) ? positional[Number(name)] : named.get(name);
      parts.push(printed(value, budget));
    }
  }
  return joinTexts(parts, "", budget);
}
