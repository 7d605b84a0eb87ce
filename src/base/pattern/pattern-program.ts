/** A pattern's tree as a graph of states (Thompson 1968, Regular expression search algorithm). */
import type { CharacterTest, PatternNode } from "./pattern-node.ts";

export type PatternState =
  | { readonly kind: "match" }
  | { readonly kind: "split"; readonly next: readonly number[] }
  | { readonly kind: "read"; readonly test: CharacterTest; readonly next: number }
  | Assertion;

/** Goes on to `next` where something holds at a place in the name, and takes no character. */
export type Assertion =
  | { readonly kind: "start" | "end"; readonly next: number }
  | { readonly kind: "look"; readonly entry: number; readonly wanted: boolean; readonly next: number };

export interface PatternProgram {
  readonly states: readonly PatternState[];
  /** The state that a match begins in. */
  readonly entry: number;
}

/** An alternation of 512 expert ids has about 2500. */
const MAX_STATES = 5_000;

/** @param refuse makes the error for a pattern that has too many states. */
export function buildProgram(tree: PatternNode, refuse: (problem: string) => Error): PatternProgram {
  const builder = new ProgramBuilder(refuse);
  const entry = builder.build(tree, 0);
  return { states: builder.states, entry };
}

/** Builds the graph from its end: each part is given the state that follows it, so only loops are closed afterwards. */
class ProgramBuilder {
  readonly states: PatternState[] = [{ kind: "match" }];
  readonly #refuse: (problem: string) => Error;
  #repeats = 0;

  constructor(refuse: (problem: string) => Error) {
    this.#refuse = refuse;
  }

  /** Adds the states of a part in front of the state `next` and gives the first of them. */
  build(node: PatternNode, next: number): number {
    switch (node.kind) {
      case "sequence":
        return node.parts.reduceRight((after, part) => this.build(part, after), next);
      case "choice":
        return this.#add({ kind: "split", next: node.branches.map((branch) => this.build(branch, next)) });
      case "repeat":
        return this.#repeat(node, next);
      case "read":
        return this.#add({ kind: "read", test: node.test, next });
      case "look":
        return this.#add({ kind: "look", entry: this.build(node.part, 0), wanted: node.wanted, next });
      default:
        return this.#add({ kind: node.kind, next });
    }
  }

  #repeat({ part, least, most }: PatternNode & { readonly kind: "repeat" }, next: number): number {
    let after = next;
    if (most === Number.POSITIVE_INFINITY) {
      const ways = [next];
      after = this.#add({ kind: "split", next: ways });
      ways.push(this.build(part, after));
    } else
      for (let count = least; count < most; count++)
        after = this.#add({ kind: "split", next: [this.build(part, after), next] });
    for (let count = 0; count < least; count++) {
      after = this.build(part, after);
      // A part may be empty: repeating it must count too.
      if (++this.#repeats > MAX_STATES) throw this.#tooMany();
    }
    return after;
  }

  #add(state: PatternState): number {
    if (this.states.length >= MAX_STATES) throw this.#tooMany();
    return this.states.push(state) - 1;
  }

  #tooMany(): Error {
    return this.#refuse(`more than ${MAX_STATES} states`);
  }
}
