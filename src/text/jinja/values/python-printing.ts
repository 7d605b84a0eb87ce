/** Values as Python prints them: `str`, `repr` and `json.dumps`. */
import type { TemplateBudget } from "./template-budget.ts";
import { TemplateFault } from "./template-fault.ts";
import { FloatValue, isListValue, isMapping, isTuple, type TemplateValue, typeName } from "./template-values.ts";

/** Options of `tojson`, with the defaults that transformers gives it. */
export interface JsonStyle {
  readonly ensureAscii: boolean;
  /** What a level is indented by; undefined for one line. */
  readonly indent: string | undefined;
  readonly separators: readonly [string, string];
  readonly sortKeys: boolean;
}

/** `str(value)`; undefined is shown as nothing. */
export function printed(value: TemplateValue, budget: TemplateBudget): string {
  if (typeof value === "string") return value;
  if (value === undefined) return "";
  return collect(budget, (write) => writeRepr(value, write, budget));
}

export function toPythonJson(value: TemplateValue, style: JsonStyle, budget: TemplateBudget): string {
  return collect(budget, (write) => writeJson(value, { style, write, budget, margin: "\n" }));
}

type Write = (text: string) => void;

function collect(budget: TemplateBudget, work: (write: Write) => void): string {
  const parts: string[] = [];
  work((text) => {
    budget.step();
    budget.text(text.length);
    parts.push(text);
  });
  return parts.join("");
}

function writeRepr(value: TemplateValue, write: Write, budget: TemplateBudget): void {
  if (typeof value === "string") write(quotedByPython(value));
  else if (value === null) write("None");
  else if (typeof value === "boolean") write(value ? "True" : "False");
  else if (typeof value === "number") write(wholeText(value));
  else if (value instanceof FloatValue) write(floatText(value.value));
  else if (value === undefined) write("Undefined");
  else if (isListValue(value)) {
    const [open, close] = isTuple(value) ? ["(", value.length === 1 ? ",)" : ")"] : ["[", "]"];
    write(open);
    budget.deeper(() => {
      for (const [i, item] of value.entries()) writeNext(i, item);
    });
    write(close);
  } else if (isMapping(value)) {
    write("{");
    let i = 0;
    budget.deeper(() => {
      for (const [key, item] of value) {
        writeNext(i++, key);
        write(": ");
        writeRepr(item, write, budget);
      }
    });
    write("}");
  } else throw new TemplateFault(`prints ${typeName(value)}`);

  function writeNext(i: number, item: TemplateValue): void {
    if (i > 0) write(", ");
    writeRepr(item, write, budget);
  }
}

function wholeText(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
}

/** The shortest digits that give the number, as JavaScript finds them, in the form in which Python writes them. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits, exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  if (power >= 0) return Number.isInteger(value) ? `${BigInt(value)}.0` : String(value);
  return value.toFixed(Math.min(100, digits.replace(/[-.]/g, "").length - 1 - power));
}

const REPR_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

function quotedByPython(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replace(/[\\\p{C}\p{Z}'"]/gu, (sign) => {
    if (sign === quote) return `\\${sign}`;
    if (sign === " " || sign === "'" || sign === '"') return sign;
    const known = REPR_ESCAPES[sign];
    if (known !== undefined) return known;
    const code = sign.codePointAt(0)!;
    if (code < 0x100) return `\\x${hex(code, 2)}`;
    return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  });
  return `${quote}${inner}${quote}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

interface JsonPlace {
  readonly style: JsonStyle;
  readonly write: Write;
  readonly budget: TemplateBudget;
  /** The newline and the spaces before an item of the level above. */
  readonly margin: string;
}

function writeJson(value: TemplateValue, place: JsonPlace): void {
  const { style, write } = place;
  if (typeof value === "string") write(jsonText(value, style));
  else if (value === null) write("null");
  else if (typeof value === "boolean") write(String(value));
  else if (typeof value === "number") write(wholeText(value));
  else if (value instanceof FloatValue) write(floatText(value.value).replace("inf", "Infinity").replace("nan", "NaN"));
  else if (isListValue(value))
    writeItems(["[", "]"], [...value.keys()], place, (at, inner) => writeJson(value[at], inner));
  else if (isMapping(value)) {
    const keys = [...value.keys()];
    writeItems(["{", "}"], style.sortKeys ? keys.sort(byCodePoint) : keys, place, (key, inner) => {
      write(jsonText(typeof key === "string" ? key : jsonKey(key, place), style) + style.separators[1]);
      writeJson(value.get(key), inner);
    });
  } else throw new TemplateFault(`gives ${typeName(value)} to tojson`);
}

function writeItems<Key>(
  [open, close]: readonly [string, string],
  keys: readonly Key[],
  place: JsonPlace,
  item: (key: Key, inner: JsonPlace) => void,
): void {
  const { style, write, margin } = place;
  if (keys.length === 0) {
    write(open + close);
    return;
  }
  const inner = style.indent === undefined ? place : { ...place, margin: margin + style.indent };
  write(open);
  place.budget.deeper(() =>
    keys.forEach((key, i) => {
      if (i > 0) write(style.separators[0]);
      if (style.indent !== undefined) write(inner.margin);
      item(key, inner);
    }),
  );
  write(style.indent === undefined ? close : margin + close);
}

function jsonKey(key: TemplateValue, place: JsonPlace): string {
  return collect(place.budget, (write) => writeJson(key, { ...place, write }));
}

function jsonText(text: string, { ensureAscii }: JsonStyle): string {
  const plain = JSON.stringify(text);
  return ensureAscii ? plain.replace(/[\u007f-\uffff]/g, (sign) => escapedUnit(sign)) : plain;
}

/** DEL is ASCII: Python leaves it as it is. */
function escapedUnit(sign: string): string {
  return sign === "\u007f" ? sign : `\\u${hex(sign.charCodeAt(0), 4)}`;
}

/** Python's order of texts: by code point, where JavaScript compares UTF-16 units. */
export function byCodePoint(a: TemplateValue, b: TemplateValue): number {
  if (typeof a !== "string" || typeof b !== "string") throw new TemplateFault("sorts keys that are not all texts");
  for (let at = 0; at < a.length && at < b.length; ) {
    const left = a.codePointAt(at)!;
    const right = b.codePointAt(at)!;
    if (left !== right) return left - right;
    at += left > 0xffff ? 2 : 1;
  }
  return a.length - b.length;
}
