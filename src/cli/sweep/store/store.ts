/**
 * Where the machines of a sweep find what they have in common: named objects that are written whole and never changed. Two machines may write the
 * same object at once, since both write the same bytes: nothing rests on locks or on conditional writes, which some servers ignore.
 */

export interface Store {
  /** As the user named it, for errors. */
  readonly name: string;
  has(object: string): Promise<boolean>;
  /** The text of a small object; undefined if there is none. */
  text(object: string): Promise<string | undefined>;
  writeText(object: string, text: string): Promise<void>;
  /** Copies an object to a file. @throws FileError if there is none. */
  download(object: string, path: string): Promise<void>;
  upload(object: string, path: string): Promise<void>;
  /** Names, without the folder, of the objects in a folder. */
  list(folder: string): Promise<readonly string[]>;
}

/** Objects of a store, by folder. */
export const PLACES = {
  /** Bytes of files, named by their SHA-256. */
  blobs: "blobs",
  /** What a study needs, as JSON: its configuration and input files. */
  studies: "studies",
  /** Which blob is the file that cells share, as JSON, by the name of that file. */
  shared: "shared",
  /** Queues of the studies there. Empty objects: the names say all. */
  queues: "queues",
  /** Results, named by the cell's key and the SHA-256 of what was measured. */
  results: "results",
} as const;
