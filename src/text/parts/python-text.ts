/** Python's string functions: data sets are usually prepared in Python, whose white space and characters differ from JavaScript's. */

/** White space, as the inside of a character class: without U+FEFF, with U+001C to U+001F and U+0085. */
export const PYTHON_SPACE: string =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const START: RegExp = new RegExp(`^[${PYTHON_SPACE}]+`);
const SPACE: RegExp = new RegExp(`[${PYTHON_SPACE}]`);

/** `str.strip` */
export function strip(text: string): string {
  return stripEnd(text.replace(START, ""));
}

/** `str.rstrip`, without a pattern: one that ends in `$` would try every run of spaces on the way. */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** `str.capitalize`: the first character to upper case, all others to lower case. */
export function capitalize(text: string): string {
  const first = firstCharacter(text);
  const upper = first.toUpperCase();
  const head = firstCharacter(upper);
  // A character that becomes two (`ß`) gets a single capital: `Ss`.
  return head + (upper.slice(head.length) + text.slice(first.length)).toLowerCase();
}

/** `text[0].lower() + text[1:]` */
export function lowerFirst(text: string): string {
  const first = firstCharacter(text);
  return first.toLowerCase() + text.slice(first.length);
}

/** `text[:-1]` */
export function dropLast(text: string): string {
  const pair = /[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(-2));
  return text.slice(0, pair ? -2 : -1);
}

/** `len(text)`: code points, not UTF-16 units. */
export function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function firstCharacter(text: string): string {
  const code = text.codePointAt(0);
  return code === undefined ? "" : String.fromCodePoint(code);
}
