/** Refuses options that a function does not have: a misspelt one would otherwise be ignored in silence. */
import { UsageError } from "./errors.ts";
import { nearestWord } from "./nearest-word.ts";

/** The names of all options of `T`; the compiler checks that the record has every one of them and no others. */
export type KnownOptions<T> = { readonly [Name in keyof Required<T>]: true };

/**
 * @param where the function that was called, for the message.
 * @throws UsageError for options that are not an object, and for a name that is not in `known`; the error names the nearest one.
 */
export function checkKnownOptions<T extends object>(where: string, options: T, known: KnownOptions<T>): void {
  if (typeof options !== "object" || options === null)
    throw new UsageError(`${where}: options`, options === null ? "null" : typeof options, "an object");
  // A plain loop makes no list: a session checks its options at every token.
  for (const name in options) {
    if (Object.hasOwn(known, name) || !Object.hasOwn(options, name)) continue;
    const names = Object.keys(known);
    const nearest = nearestWord(name.toLowerCase().replaceAll("_", ""), names);
    throw new UsageError(
      `${where}: option ${name}`,
      "an option that it does not have",
      `${nearest}, or another of ${names.join(", ")}`,
    );
  }
}
