/** Where the text parts of a GGUF file come from; this room knows no file formats. */

/** The metadata by key; undefined for keys that the file does not have. `format/gguf` reads it from the file. */
export interface GgufTextSource {
  /** Name of the file, for messages. */
  readonly where: string;
  text(key: string): string | undefined;
  flag(key: string): boolean | undefined;
  number(key: string): number | undefined;
  texts(key: string): readonly string[] | undefined;
  numbers(key: string): ArrayLike<number> | undefined;
}
