/** How Python's strings are cut: `strip`, `split` and their relatives. */
import { PYTHON_SPACE } from "../../parts/python-text.ts";
import type { ArgumentReader } from "../values/call-arguments.ts";
import type { TemplateBudget } from "../values/template-budget.ts";
import { TemplateFault } from "../values/template-fault.ts";
import { type TemplateValue, tupleOf } from "../values/template-values.ts";

const SPACE = new RegExp(`[${PYTHON_SPACE}]`);

export function isSpace(sign: string): boolean {
  return SPACE.test(sign);
}

export type Side = "both" | "start" | "end";

export function stripOf(text: string, args: ArgumentReader, budget: TemplateBudget, side: Side): string {
  const chars = args.value("chars") ?? undefined;
  const wanted = chars === undefined ? undefined : new Set(args.text("chars"));
  const goes = (sign: string) => (wanted === undefined ? isSpace(sign) : wanted.has(sign));
  budget.text(text.length);
  return stripText(text, goes, side);
}

/** Removes characters at the ends of a text. */
export function stripText(text: string, goes: (sign: string) => boolean = isSpace, side: Side = "both"): string {
  let [start, end] = [0, text.length];
  while (side !== "end" && start < end) {
    const sign = String.fromCodePoint(text.codePointAt(start)!);
    if (!goes(sign)) break;
    start += sign.length;
  }
  while (side !== "start" && end > start) {
    const pair = end - start > 1 && /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(end - 2, end));
    const sign = text.slice(end - (pair ? 2 : 1), end);
    if (!goes(sign)) break;
    end -= sign.length;
  }
  return text.slice(start, end);
}

export function splitText(text: string, args: ArgumentReader, budget: TemplateBudget, fromEnd: boolean): TemplateValue {
  const most = args.whole("maxsplit", -1);
  const sep = args.value("sep") ?? undefined;
  const separator = sep === undefined ? undefined : args.text("sep");
  if (separator === "") throw new TemplateFault("splits at an empty text");
  const parts = separator === undefined ? words(text, budget) : piecesAt(text, separator, budget);
  if (most < 0 || parts.length <= most + 1) return parts;
  if (separator !== undefined)
    return fromEnd
      ? [parts.slice(0, -most || undefined).join(separator), ...(most > 0 ? parts.slice(-most) : [])]
      : [...parts.slice(0, most), parts.slice(most).join(separator)];
  return fromEnd ? wordsFromEnd(text, most) : wordsFromStart(text, most);
}

function piecesAt(text: string, separator: string, budget: TemplateBudget): string[] {
  const count = countOf(text, separator, budget);
  budget.items(count + 1);
  budget.text(text.length);
  return text.split(separator);
}

const WORD = new RegExp(`[^${PYTHON_SPACE}]+`, "g");

function words(text: string, budget: TemplateBudget): string[] {
  budget.items(text.length / 2 + 1);
  return text.match(WORD) ?? [];
}

function wordsFromStart(text: string, most: number): string[] {
  const parts: string[] = [];
  let rest = stripText(text, isSpace, "start");
  while (parts.length < most) {
    const end = rest.search(SPACE);
    parts.push(rest.slice(0, end));
    rest = stripText(rest.slice(end), isSpace, "start");
  }
  return [...parts, rest];
}

function wordsFromEnd(text: string, most: number): string[] {
  const reversed = (part: string) => [...part].reverse().join("");
  return wordsFromStart(reversed(text), most).map(reversed).reverse();
}

/** What ends a line for Python, as the inside of a character class. */
const ENDS = "\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029";
const LINE = new RegExp(`[^${ENDS}]*(?:\\r\\n|[${ENDS}]|$)`, "g");
const LINE_END = new RegExp(`(?:\\r\\n|[${ENDS}])$`);

export function textLines(text: string, args: ArgumentReader, budget: TemplateBudget): TemplateValue {
  const keeps = args.flag("keepends", false);
  budget.items(text.length);
  const lines = text.match(LINE) ?? [];
  if (lines.at(-1) === "") lines.pop();
  return keeps ? lines : lines.map((line) => line.replace(LINE_END, ""));
}

export function partitionAt(text: string, at: number, sep: string, fromEnd: boolean): TemplateValue {
  if (at < 0) return tupleOf(fromEnd ? ["", "", text] : [text, "", ""]);
  return tupleOf([text.slice(0, at), sep, text.slice(at + sep.length)]);
}

export function countOf(text: string, part: string, budget: TemplateBudget): number {
  budget.scan(text.length);
  if (part === "") return [...text].length + 1;
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
