/** The differences between the grammars of regular expressions that this engine reads and matches. */

export interface PatternDialect {
  /** Whether a match must begin where the name begins, as in Python's `re.match`, or may lie anywhere in the name. */
  readonly anchored: boolean;
  /**
   * `javascript`: classes, `.` and `\s` mean what they mean in JavaScript without flags. `common`: what Python, PCRE and JavaScript
   * read differently inside a class is refused, `.` is everything but a line feed, and `\s` is white space of ASCII.
   */
  readonly characters: "javascript" | "common";
  /** Whether `(?=...)` and `(?!...)` are read, outside of groups. */
  readonly lookahead: boolean;
  /** Whether a part that holds a quantifier may itself be repeated. */
  readonly nestedQuantifiers: boolean;
  readonly maxCharacters: number;
  /** Levels of groups. */
  readonly maxDepth: number;
  /** The largest number in `{m,n}`. */
  readonly maxRepeats: number;
  /** What can be read, as an error lists it. */
  readonly syntax: readonly string[];
}
