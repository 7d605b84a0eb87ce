/** A regular expression as a tree. */

/** Whether a UTF-16 code unit is one of those that a part of a pattern takes. */
export type CharacterTest = (code: number) => boolean;

export type PatternNode =
  /** Takes one character; `literal` is set where only that character will do. */
  | { readonly kind: "read"; readonly test: CharacterTest; readonly literal?: string }
  /** `^` and `$`: hold at one end of the name and take nothing. */
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence"; readonly parts: readonly PatternNode[] }
  | { readonly kind: "choice"; readonly branches: readonly PatternNode[] }
  /** `most` is infinite where there is no upper limit. */
  | { readonly kind: "repeat"; readonly part: PatternNode; readonly least: number; readonly most: number }
  /** Lookahead: `part` must match from here on, or must not; takes nothing. */
  | { readonly kind: "look"; readonly part: PatternNode; readonly wanted: boolean };

/** The characters that every match begins with, so that most names are settled without matching. */
export function literalPrefix(node: PatternNode): string {
  if (node.kind !== "sequence") return "";
  let prefix = "";
  for (const [index, part] of node.parts.entries()) {
    if (part.kind === "start" && index === 0) continue;
    if (part.kind === "read" && part.literal !== undefined) prefix += part.literal;
    else return prefix + repeatedLiteral(part);
  }
  return prefix;
}

/** `a+` begins with one `a`. */
function repeatedLiteral(node: PatternNode): string {
  if (node.kind !== "repeat" || node.part.kind !== "read" || node.least === 0) return "";
  return node.part.literal ?? "";
}

/** Whether a quantifier stands somewhere in the tree. */
export function hasQuantifier(node: PatternNode): boolean {
  if (node.kind === "repeat") return true;
  if (node.kind === "sequence") return node.parts.some(hasQuantifier);
  if (node.kind === "choice") return node.branches.some(hasQuantifier);
  return node.kind === "look" && hasQuantifier(node.part);
}
