/** Source text with comments (and, if asked, strings) blanked out, line for line, so that braces can be counted. */

/** `comments` blanks comments and regular expressions; `strings` blanks strings and templates as well. */
export type Blank = "comments" | "strings";

const REGEX_MAY_FOLLOW = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|=>|\b(?:return|typeof|case|in|of|yield|await))\s*$/;

/** The same text, same length, same line breaks, with everything blank that is no code. */
export function skeleton(text: string, blank: Blank): string {
  let out = "";
  let at = 0;
  const take = (end: number, hide: boolean): void => {
    const piece = text.slice(at, end);
    out += hide ? piece.replace(/[^\n]/g, " ") : piece;
    at = end;
  };
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    if (two === "//") take(endOr(text.indexOf("\n", at), text), true);
    else if (two === "/*") take(endOr(text.indexOf("*/", at + 2) + 2, text, 2), true);
    else if (text[at] === '"' || text[at] === "'") take(quoteEnd(text, at), blank === "strings");
    else if (text[at] === "`") take(templateEnd(text, at), blank === "strings");
    else if (text[at] === "/" && REGEX_MAY_FOLLOW.test(out.slice(-40))) take(regexEnd(text, at), true);
    else take(at + 1, false);
  }
  return out;
}

function endOr(found: number, text: string, least = 0): number {
  return found < least ? text.length : found;
}

function quoteEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== text[start] && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** The end of a template, with the code and the templates inside its `${}`. */
function templateEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== "`") {
    if (text[at] === "\\") at += 2;
    else if (text.startsWith("${", at)) at = substitutionEnd(text, at + 2);
    else at++;
  }
  return at + 1;
}

function substitutionEnd(text: string, start: number): number {
  let depth = 1;
  let at = start;
  while (at < text.length && depth > 0) {
    if (text[at] === "`") at = templateEnd(text, at);
    else if (text[at] === '"' || text[at] === "'") at = quoteEnd(text, at);
    else {
      if (text[at] === "{") depth++;
      if (text[at] === "}") depth--;
      at++;
    }
  }
  return at;
}

function regexEnd(text: string, start: number): number {
  let inClass = false;
  let at = start + 1;
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true;
    if (text[at] === "]") inClass = false;
    at += text[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

export interface FunctionSpan {
  /** The text before the body, in one line. */
  readonly header: string;
  readonly line: number;
  /** Lines from the header's first to the closing brace. */
  readonly lines: number;
  /** The callback of a `describe`. */
  readonly grouping: boolean;
}

interface Brace {
  readonly header: string;
  readonly line: number;
  readonly isFunction: boolean;
  /** Where the text around a literal or a type goes on as if the braces were not there. */
  readonly resumed: number | undefined;
  readonly parens: readonly number[];
}

/** Every braced body whose header looks like that of a function; works for TypeScript and AssemblyScript alike. */
export function functionsOf(text: string): FunctionSpan[] {
  const code = skeleton(text, "strings");
  const found: FunctionSpan[] = [];
  const open: Brace[] = [];
  let start = 0;
  let parens: number[] = [];
  for (let at = 0; at < code.length; at++) {
    const c = code[at];
    if (c === "(") parens.push(at + 1);
    else if (c === ")") parens.pop();
    else if (c === "{") {
      open.push(openBrace(code, start, at, parens));
      parens = [];
      start = at + 1;
    } else if (c === "}") {
      const brace = open.pop();
      if (brace?.isFunction) found.push(spanOf(code, brace, at));
      parens = [...(brace?.parens ?? [])];
      start = brace?.resumed ?? at + 1;
    } else if (c === ";" && parens.length === 0) start = at + 1;
  }
  return found;
}

function openBrace(code: string, start: number, at: number, parens: readonly number[]): Brace {
  const inner = Math.max(start, parens.at(-1) ?? 0);
  const header = code.slice(inner, at).replace(/\s+/g, " ").trim();
  const isFunction = isFunctionHeader(header);
  const goesOn = parens.length > 0 || (!isFunction && /[:<|&,([=?]$/.test(header));
  const line = lineOf(code, inner + code.slice(inner).search(/\S/));
  return { header, line, isFunction, resumed: goesOn ? start : undefined, parens };
}

function spanOf(code: string, { header, line }: Brace, end: number): FunctionSpan {
  const grouping = /\bdescribe\b/.test(code.split("\n")[line - 1]);
  return { header, line, lines: lineOf(code, end) - line + 1, grouping };
}

function lineOf(code: string, at: number): number {
  let line = 1;
  for (let i = code.indexOf("\n"); i >= 0 && i < at; i = code.indexOf("\n", i + 1)) line++;
  return line;
}

const CONTROL = /(?:^|[^\w.])(?:if|for|while|switch|catch|with)\s*\(/;
const METHOD = /[\w\])$>]\s*\(.*\)\s*(?::.*[^:<|&,([=?])?$/;

function isFunctionHeader(header: string): boolean {
  if (/=>$/.test(header)) return true;
  if (/[:<|&,([=?]$/.test(header)) return false;
  if (/\bfunction\b/.test(header)) return true;
  return METHOD.test(header) && !CONTROL.test(header);
}
