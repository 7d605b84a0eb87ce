/** Linears whose bits are given, by rules over their names: `self_attn@4`. */
import { UsageError } from "../../base/errors.ts";
import type { PlanBits } from "../../policy/bit-plan.ts";
import { compileNamePattern } from "../../policy/name-pattern.ts";

/**
 * Bits by name. Rules are `REGEX@BITS`, later ones win.
 * @param where names the rules in errors.
 * @throws UsageError for a rule that is none, or that matches nothing.
 */
export function frozenBits(
  names: readonly string[],
  rules: readonly string[] = [],
  where = "freeze",
): ReadonlyMap<string, PlanBits> {
  const frozen = new Map<string, PlanBits>();
  for (const rule of rules) {
    const [, pattern, bits] = /^(.+)@(2|3|4|8|16)$/.exec(rule) ?? [];
    if (pattern === undefined) throw new UsageError(where, JSON.stringify(rule), "REGEX@BITS, such as self_attn@4");
    const matches = names.filter(compileNamePattern(pattern, where));
    if (matches.length === 0) throw new UsageError(where, JSON.stringify(rule), "a pattern that matches some linear");
    for (const name of matches) frozen.set(name, Number(bits) as PlanBits);
  }
  return frozen;
}
