/** A place in the text of a pattern, and the errors about it. */
import { UnsupportedError } from "../errors.ts";
import type { PatternDialect } from "./pattern-dialect.ts";

export class PatternReader {
  readonly source: string;
  readonly dialect: PatternDialect;
  readonly #where: string;
  #at = 0;

  constructor(source: string, where: string, dialect: PatternDialect) {
    this.source = source;
    this.dialect = dialect;
    this.#where = where;
  }

  /** The next character, or undefined at the end. */
  get next(): string | undefined {
    return this.source[this.#at];
  }

  /** Moves over one character and gives it; undefined at the end. */
  read(): string | undefined {
    return this.source[this.#at++];
  }

  /** Moves over `character` if it is the next one. */
  take(character: string): boolean {
    if (this.next !== character) return false;
    this.#at++;
    return true;
  }

  /** Moves over what a sticky expression finds here; null if it finds nothing. */
  match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.source);
    if (found !== null) this.#at += found[0].length;
    return found;
  }

  /** Whether a sticky expression finds something here. */
  sees(sticky: RegExp): boolean {
    sticky.lastIndex = this.#at;
    return sticky.test(this.source);
  }

  /** The error for what cannot be read. */
  refuse(problem: string): UnsupportedError {
    return patternError(problem, this.source, this.#where, this.dialect);
  }
}

/** @param where the file and the field that the pattern was written in. */
export function patternError(
  problem: string,
  source: string,
  where: string,
  { syntax }: PatternDialect,
): UnsupportedError {
  return new UnsupportedError(where, `${problem} in the pattern ${shownPattern(source)}`, syntax);
}

/** A pattern as an error shows it: its beginning, if it is long. */
export function shownPattern(source: string): string {
  return source.length > 80 ? `${source.slice(0, 77)}...` : source;
}
