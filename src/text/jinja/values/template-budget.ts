/** Limits on what a template may do: a template comes with a model, from strangers. */
import { TemplateFault } from "./template-fault.ts";

/** About a second of work; a conversation of a thousand messages takes a twentieth of it. */
const MAX_STEPS = 3_000_000;
/** Limit on the characters of all texts that a rendering makes, those that it drops included. */
const MAX_CHARACTERS = 48_000_000;
/** Limit on the items of all lists that a rendering makes. */
const MAX_ITEMS = 2_000_000;
const MAX_DEPTH = 400;

/** Characters and items that take as long as one step. */
const CHARACTERS_A_STEP = 128;
const ITEMS_A_STEP = 8;

/** What one rendering has used. Every method throws a TemplateFault at its limit. */
export class TemplateBudget {
  #steps = 0;
  #characters = 0;
  #items = 0;
  #depth = 0;

  step(): void {
    this.#work(1);
  }

  /** Reads a text of this length. */
  scan(characters: number): void {
    this.#work(characters / CHARACTERS_A_STEP);
  }

  /** Reads a list of this length. */
  scanItems(items: number): void {
    this.#work(items / ITEMS_A_STEP);
  }

  /** Makes a text of this length; asked before it is made. */
  text(characters: number): void {
    this.scan(characters);
    this.#characters += characters;
    if (this.#characters > MAX_CHARACTERS)
      throw new TemplateFault(`makes more than ${MAX_CHARACTERS} characters of text`);
  }

  /** Makes a list of this length; asked before it is made. */
  items(items: number): void {
    this.scanItems(items);
    this.#items += items;
    if (this.#items > MAX_ITEMS) throw new TemplateFault(`makes lists of more than ${MAX_ITEMS} items`);
  }

  /** Does `work` one level deeper. */
  deeper<T>(work: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new TemplateFault(`nests more than ${MAX_DEPTH} levels deep`);
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }

  #work(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new TemplateFault(`takes more than ${MAX_STEPS} steps`);
  }
}
