/** Where models are stored: files of named models, written front to back in pieces. */
import { StorageError } from "../../base/errors.ts";

/** A file of a stored model. */
export interface PlacedFile {
  readonly bytes: number;
  blob(): Promise<Blob>;
}

/** Names a file of a stored model. */
export interface PlacedName {
  readonly model: string;
  readonly name: string;
}

/** A storage of models. What it throws when it is full has the name `QuotaExceededError`. */
export interface StorePlace {
  readonly kind: "opfs" | "cache";
  models(): Promise<readonly string[]>;
  /** The files of a model by name; none for an unknown one. */
  files(model: string): Promise<ReadonlyMap<string, PlacedFile>>;
  /** Adds to a file. A file that begins anew, at 0, loses what it had. */
  append(file: PlacedName, at: number, bytes: Uint8Array): Promise<void>;
  remove(model: string): Promise<void>;
}

/** The error of a storage that is full, in a sentence; any other error as it is. */
export function storageFailure(model: string, error: unknown): unknown {
  if ((error as Partial<Error> | undefined)?.name !== "QuotaExceededError") return error;
  return new StorageError(
    `stored model ${model}`,
    "found no more room in the browser's storage; deleting stored models makes room, and the model can be loaded without storing it",
    { reason: "full", cause: error },
  );
}
