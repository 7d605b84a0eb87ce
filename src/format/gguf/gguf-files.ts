/** Opens the GGUF file of a folder, or all files of a model that was split. */

import { FileError, FormatError } from "../../base/errors.ts";
import type { ByteSource, FolderSource } from "../../files/source.ts";
import { type GgufEntry, type GgufFile, openGguf } from "./gguf-header.ts";
import type { GgufMetadata } from "./gguf-metadata.ts";

/** The metadata of a model, and all its tensors by their names in the files. */
export interface GgufParts {
  /** Name of the first file, for messages. */
  readonly name: string;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufEntry>;
  close(): Promise<void>;
}

const SPLIT_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
/** The largest known models have a few hundred files. */
const MOST_FILES = 4096;

/** Names of the files that belong to the same model as `file`, in order. @throws FormatError for a name that counts beyond its own total. */
export function splitNames(file: string): readonly string[] {
  const match = SPLIT_NAME.exec(file);
  if (match === null) return [file];
  const [, stem, part, total] = match;
  const count = Number(total);
  if (Number(part) < 1 || Number(part) > count || count > MOST_FILES)
    throw new FormatError(file, `found part ${part} of ${total}, expected a part from 1 of at most ${MOST_FILES}`);
  return Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${total}.gguf`);
}

/** Of the names of a folder's files, the first of its model; undefined if it has no GGUF file. @throws FileError for files of several models. */
export function findGguf(folder: string, names: readonly string[]): string | undefined {
  const files = names.filter((file) => /\.gguf$/i.test(file)).sort();
  const firsts = [...new Set(files.map((file) => splitNames(file)[0]))];
  if (firsts.length > 1)
    throw new FileError(
      folder,
      `found ${firsts.length} GGUF models (${firsts.slice(0, 3).join(", ")}${firsts.length > 3 ? "..." : ""}), expected one; give the path of one file`,
    );
  return firsts[0];
}

/** Opens the model whose first file is `file`. Headers are read and checked, the tensors' bytes are not read. */
export async function openGgufFiles(folder: FolderSource, file: string): Promise<GgufParts> {
  const names = splitNames(file);
  const files: GgufFile[] = [];
  const sources: ByteSource[] = [];
  const close = async () => {
    for (const source of sources) await source.close?.();
  };
  try {
    for (const name of names) {
      const source = await folder.open(name);
      if (source === undefined)
        throw new FileError(
          `${folder.name}/${name}`,
          names.length > 1
            ? `found no such file, expected all ${names.length} parts of the model`
            : "found no such file, expected a GGUF file",
        );
      sources.push(source);
      files.push(await openGguf(source));
      checkPart(files[files.length - 1], files.length - 1, names.length);
    }
    return { name: files[0].metadata.where, metadata: files[0].metadata, tensors: merged(files), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Checks what a part says of itself: its number from 0, and how many there are. */
function checkPart({ metadata }: GgufFile, part: number, parts: number): void {
  const count = metadata.number("split.count") ?? 0;
  if (parts === 1 && count > 1)
    throw new FormatError(
      `${metadata.where}: split.count`,
      `found one of ${count} parts, expected a file name that ends in -00001-of-${String(count).padStart(5, "0")}.gguf`,
    );
  if (parts === 1) return;
  const number = metadata.number("split.no");
  if (count !== parts) throw new FormatError(`${metadata.where}: split.count`, `found ${count}, expected ${parts}`);
  if (number !== part) throw new FormatError(`${metadata.where}: split.no`, `found ${number}, expected ${part}`);
}

function merged(files: readonly GgufFile[]): ReadonlyMap<string, GgufEntry> {
  const tensors = new Map<string, GgufEntry>();
  for (const { metadata, tensors: some } of files)
    for (const [name, entry] of some) {
      if (tensors.has(name))
        throw new FormatError(`${metadata.where}: tensor ${name}`, "found it in an earlier part too, expected it once");
      tensors.set(name, entry);
    }
  const { metadata } = files[0];
  const expected = files.length > 1 ? metadata.number("split.tensors.count") : undefined;
  if (expected !== undefined && expected !== tensors.size)
    throw new FormatError(
      `${metadata.where}: split.tensors.count`,
      `found ${expected}, expected ${tensors.size} as in all parts`,
    );
  return tensors;
}
