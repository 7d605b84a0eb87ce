/** Bundles in memory, as the writer makes them. */
import { bundleModel } from "../../src/compress/convert/write-bundle.ts";
import type { BundleOptions } from "../../src/compress/convert/write-entries.ts";
import type { OutputFile } from "../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../src/files/source.ts";
import { crc32 } from "../../src/format/bundle/crc32.ts";
import { readModelFiles } from "../../src/model/model.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

export interface MemoryFile extends OutputFile {
  /** The committed bytes; undefined before `commit` and after an abort. */
  readonly bytes: () => Uint8Array<ArrayBuffer> | undefined;
  /** Whether it was aborted. */
  readonly aborted: () => boolean;
}

export function memoryFile(): MemoryFile {
  const pieces: Uint8Array[] = [];
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let aborted = false;
  const abort = async () => {
    aborted = bytes === undefined;
  };
  return {
    name: "memory.quern",
    bytes: () => bytes,
    aborted: () => aborted,
    async write(piece) {
      pieces.push(piece.slice());
    },
    close: async () => {},
    async commit() {
      bytes = new Uint8Array(Buffer.concat(pieces));
    },
    abort,
    [Symbol.asyncDispose]: abort,
  };
}

/** The bundle of a model's folder. */
export async function bundleOf(
  folder: FolderSource,
  options: Partial<BundleOptions> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const files = await readModelFiles(folder);
  await using machine = await createMachine({ threads: 1 });
  const output = memoryFile();
  try {
    await bundleModel(files, { output, machine, ...options });
  } finally {
    await files.index.close();
  }
  return output.bytes() as Uint8Array<ArrayBuffer>;
}

/** A bundle as a folder that lists nothing else. */
export function bundleFolder(bytes: Uint8Array, file = "m.quern"): FolderSource {
  return filesFolder("made", { [file]: bytes });
}

type Item = Record<string, unknown>;
export type WrittenIndex = Item & { files: Item[]; linears: Item[] };

/** What the comment at the end of a bundle says of its index. */
export function indexPlace(bytes: Uint8Array): { readonly offset: number; readonly length: number } {
  const comment = new TextDecoder().decode(bytes.subarray(-64));
  const [offset, length] = [...comment.matchAll(/\d+/g)].map(Number);
  return { offset, length };
}

/** A bundle with another index, or another text in its place. It lies where the old one and the directory lay. */
export function withIndex(bytes: Uint8Array, change: (index: WrittenIndex) => unknown): Uint8Array<ArrayBuffer> {
  const { offset, length } = indexPlace(bytes);
  const index = JSON.parse(new TextDecoder().decode(bytes.subarray(offset, offset + length))) as WrittenIndex;
  const text = new TextEncoder().encode((change(index) as string | undefined) ?? JSON.stringify(index));
  const comment = `quern index at ${offset}, ${text.length} bytes, CRC-32 ${crc32(text)}`.padEnd(64);
  return new Uint8Array(Buffer.concat([bytes.subarray(0, offset), text, new TextEncoder().encode(comment)]));
}
