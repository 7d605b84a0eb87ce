/**
 * Lets tests have arguments: the library's parser knows `x is even`, but not `x is divisibleby(2)` or `x is equalto "a"`. Such a test
 * becomes a filter with a name that no template can write.
 */

/** A token of the library's lexer. */
export interface TemplateToken {
  readonly value: string;
  readonly type: string;
}

/** What follows a test without being its argument. */
const AFTER = new Set(["and", "or", "not", "if", "else", "in", "is", "recursive"]);
const LITERALS = new Set(["StringLiteral", "NumericLiteral"]);
const BRACKETS: Readonly<Record<string, string>> = {
  OpenParen: "CloseParen",
  OpenSquareBracket: "CloseSquareBracket",
  OpenCurlyBracket: "CloseCurlyBracket",
};
const TEST = /^is( not)?:(.*)$/;

/** The test and its negation that a filter's name stands for; undefined for the name of a filter. */
export function testInFilter(name: string): { readonly test: string; readonly negate: boolean } | undefined {
  const found = TEST.exec(name);
  return found === null ? undefined : { test: found[2], negate: found[1] !== undefined };
}

/** Takes time in proportion to the tokens, however they nest. */
export function withTestArguments(tokens: readonly TemplateToken[]): TemplateToken[] {
  const closing = closingPlaces(tokens);
  /** How many brackets are to be closed before a token. */
  const closed = new Map<number, number>();
  const written: TemplateToken[] = [];
  for (let at = 0; at < tokens.length; at++) {
    for (let count = closed.get(at) ?? 0; count > 0; count--) written.push({ value: ")", type: "CloseParen" });
    const negate = isName(tokens[at + 1], "not");
    const name = tokens[at + (negate ? 2 : 1)];
    const start = at + (negate ? 3 : 2);
    const end = isName(tokens[at], "is") && name?.type === "Identifier" ? argumentEnd(tokens, start, closing) : start;
    if (end === start) {
      written.push(tokens[at]);
      continue;
    }
    written.push(
      { value: "|", type: "Pipe" },
      { value: `is${negate ? " not" : ""}:${name.value}`, type: "Identifier" },
    );
    if (tokens[start].type !== "OpenParen") {
      written.push({ value: "(", type: "OpenParen" });
      closed.set(end, (closed.get(end) ?? 0) + 1);
    }
    at = start - 1;
  }
  return written;
}

function isName(token: TemplateToken | undefined, name: string): boolean {
  return token?.type === "Identifier" && token.value === name;
}

/** The end of the argument that begins at `start`; `start` itself if there is none. */
function argumentEnd(tokens: readonly TemplateToken[], start: number, closing: ReadonlyMap<number, number>): number {
  const first = tokens[start];
  if (first === undefined) return start;
  if (BRACKETS[first.type] !== undefined) return (closing.get(start) ?? start - 1) + 1;
  const isOperand = LITERALS.has(first.type) || (first.type === "Identifier" && !AFTER.has(first.value));
  if (!isOperand) return start;
  let end = start + 1;
  for (;;) {
    if (tokens[end]?.type === "Dot" && end + 2 < tokens.length) end += 2;
    else if (tokens[end]?.type === "OpenSquareBracket" && closing.has(end)) end = closing.get(end)! + 1;
    else return end;
  }
}

/** The place of the bracket that closes each one. */
function closingPlaces(tokens: readonly TemplateToken[]): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  const open: number[] = [];
  tokens.forEach(({ type }, at) => {
    if (BRACKETS[type] !== undefined) open.push(at);
    const last = open.at(-1);
    if (last === undefined || BRACKETS[tokens[last].type] !== type) return;
    places.set(last, at);
    open.pop();
  });
  return places;
}
