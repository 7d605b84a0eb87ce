/** Matches a compiled pattern against a name. */
import type { Pattern } from "./compile-pattern.ts";
import type { Assertion } from "./pattern-program.ts";
import type { StepBudget } from "./step-budget.ts";

/**
 * Whether the pattern matches at the beginning of the name, or anywhere in it, as its dialect says.
 * @throws the error of the budget, once its steps are spent.
 */
export function matchesPattern(pattern: Pattern, name: string, budget?: StepBudget): boolean {
  const { anchored, prefix, entry } = pattern;
  budget?.spend(1, pattern);
  if (!(anchored ? name.startsWith(prefix) : name.includes(prefix))) return false;
  return new Match(pattern, name, budget).runs(entry, 0, anchored);
}

class Match {
  readonly #pattern: Pattern;
  readonly #name: string;
  readonly #budget: StepBudget | undefined;
  /** The last place in the name at which each state was looked at. */
  readonly #seen: Int32Array;

  constructor(pattern: Pattern, name: string, budget: StepBudget | undefined) {
    budget?.spend(pattern.states.length / 16, pattern);
    this.#pattern = pattern;
    this.#name = name;
    this.#budget = budget;
    this.#seen = new Int32Array(pattern.states.length).fill(-1);
  }

  /** Whether there is a match that begins at `from`, or at a later place too unless it is `anchored`. */
  runs(entry: number, from: number, anchored: boolean): boolean {
    let current: number[] = [entry];
    for (let at = from; at <= this.#name.length && current.length > 0; at++) {
      const next: number[] = [];
      for (const state of current) if (this.#follow(state, at, next)) return true;
      if (!anchored) next.push(entry);
      current = next;
    }
    return false;
  }

  /** Adds the states that follow the character at `at` to `into`; true at the end of the pattern. */
  #follow(first: number, at: number, into: number[]): boolean {
    const code = this.#name.charCodeAt(at);
    const open = [first];
    let steps = 0;
    while (open.length > 0) {
      const index = open.pop()!;
      if (this.#seen[index] === at) continue;
      this.#seen[index] = at;
      steps++;
      const state = this.#pattern.states[index];
      if (state.kind === "match") return true;
      if (state.kind === "read") {
        if (at < this.#name.length && state.test(code)) into.push(state.next);
      } else if (state.kind === "split") open.push(...state.next);
      else if (this.#holds(state, at)) open.push(state.next);
    }
    this.#budget?.spend(steps, this.#pattern);
    return false;
  }

  #holds(state: Assertion, at: number): boolean {
    if (state.kind === "look") {
      const ahead = new Match(this.#pattern, this.#name, this.#budget);
      return ahead.runs(state.entry, at, true) === state.wanted;
    }
    return state.kind === "start" ? at === 0 : at === this.#name.length;
  }
}
