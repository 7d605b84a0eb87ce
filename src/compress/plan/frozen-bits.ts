/** Fixes the bits of some linears by rules over their names, such as `self_attn@4`. */
import { UsageError } from "../../base/errors.ts";
import type { PlanBits } from "../../policy/bit-plan.ts";
import { compileNamePattern } from "../../policy/name-pattern.ts";

/**
 * Fixed bits by linear name. Rules are `REGEX@BITS`; if several match, the last one wins.
 * @param where names the rules in errors.
 * @throws UsageError for a malformed rule, or one that matches no linear.
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
