/** How many positional parameters the functions, constructors and methods of a declaration take. */
import { skeleton } from "./skeleton.ts";

export interface Signature {
  /** `gptq`, `Hessian.accumulate`, `MemoryError.constructor`. */
  readonly name: string;
  readonly parameters: readonly string[];
}

/** Modifiers that do not hide a member, its name, and the parenthesis that opens its parameters, or those of its function type. */
const MEMBER =
  /^(?:(?:public|static|abstract|override|async|readonly|get|set) |\*)*(\w+)\??\s*(?:<[^(]*>)?\s*(?:[:=] ?(?:async )?)?\(/;

/** Signatures of the exported `name` of a file: a function, or the members of a class or an interface that others can call. */
export function signaturesOf(text: string, name: string): Signature[] {
  const code = skeleton(skeleton(text, "comments"), "strings");
  const declarations = code.matchAll(
    new RegExp(`^export (?:declare |abstract |async )*(function\\*?|class|interface|type|const|let) ${name}\\b`, "gm"),
  );
  return [...declarations].flatMap(({ 0: header, 1: kind, index }) => {
    const rest = code.slice(index + header.length);
    if (kind === "class" || kind === "interface")
      return membersOf(bodyOf(rest)).flatMap((member) => memberOf(member, name));
    const isCall = kind.startsWith("function") ? /^(?:<[^(]*>)?\(/ : /^[^;{(]*= ?(?:async )?\(/;
    const found = isCall.exec(rest);
    return found === null ? [] : [{ name, parameters: parametersAt(rest, found[0].length) }];
  });
}

function memberOf(member: string, owner: string): Signature[] {
  const found = MEMBER.exec(member);
  return found === null ? [] : [{ name: `${owner}.${found[1]}`, parameters: parametersAt(member, found[0].length) }];
}

/** The text between a declaration's first brace outside of type parameters and its partner. */
function bodyOf(text: string): string {
  const open = skipTo(text, 0, "{");
  return text.slice(open + 1, skipTo(text, open + 1, "}"));
}

/** Members of a body, each up to its end or to the brace that opens its own body. */
function membersOf(body: string): string[] {
  const members: string[] = [];
  for (let at = 0; at < body.length; ) {
    const end = Math.min(skipTo(body, at, ";"), bodyStart(body, at));
    members.push(body.slice(at, end).replace(/\s+/g, " ").trim());
    at = (body[end] === "{" ? skipTo(body, end + 1, "}") : end) + 1;
  }
  return members;
}

/** Where the body of the method that begins at `from` opens: a brace after its parameters that no type goes on with. */
function bodyStart(text: string, from: number): number {
  for (let at = skipTo(text, from, "{"); at < text.length; at = skipTo(text, skipTo(text, at + 1, "}") + 1, "{"))
    if (!/[:|&,=<]\s*$/.test(text.slice(from, at))) return at;
  return text.length;
}

/** The parameters whose list opens right before `from`. */
function parametersAt(text: string, from: number): string[] {
  const close = skipTo(text, from, ")");
  const parameters: string[] = [];
  for (let at = from; at < close; ) {
    const end = Math.min(skipTo(text, at, ","), close);
    parameters.push(text.slice(at, end).replace(/\s+/g, " ").trim());
    at = end + 1;
  }
  return parameters.filter((parameter) => parameter !== "");
}

const PARTNERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "<": ">" };

/** The next `wanted` from `from` that stands in no brackets opened after it; the length of the text where there is none. */
function skipTo(text: string, from: number, wanted: string): number {
  const open: string[] = [];
  for (let at = from; at < text.length; at++) {
    const c = text[at];
    const isArrow = c === ">" && text[at - 1] === "=";
    if (open.length === 0 && c === wanted) return at;
    const isComparison = c === "<" && !/\w/.test(text[at - 1]);
    if (c in PARTNERS && !isComparison) open.push(PARTNERS[c]);
    else if (c === open.at(-1) && !isArrow) open.pop();
  }
  return text.length;
}
