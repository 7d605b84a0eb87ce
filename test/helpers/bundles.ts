/** Bundles in memory, as the writer makes them. */

import { type BundleOptions, bundleModel } from "../../src/compress/bundle/write-bundle.ts";
import type { OutputFile } from "../../src/files/output.ts";
import type { FolderSource } from "../../src/files/source.ts";
import { filesFolder } from "../../src/files/source.ts";
import { readModelFiles } from "../../src/model/model.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

export interface MemoryFile extends OutputFile {
  /** The committed bytes; undefined before `commit` and after an abort. */
  readonly bytes: () => Uint8Array | undefined;
  /** Whether it was aborted. */
  readonly aborted: () => boolean;
}

export function memoryFile(): MemoryFile {
  const pieces: Uint8Array[] = [];
  let bytes: Uint8Array | undefined;
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
export async function bundleOf(folder: FolderSource, options: Partial<BundleOptions> = {}): Promise<Uint8Array> {
  const files = await readModelFiles(folder);
  await using machine = await createMachine({ threads: 1 });
  const output = memoryFile();
  try {
    await bundleModel(files, { output, machine, ...options });
  } finally {
    await files.index.close();
  }
  return output.bytes() as Uint8Array;
}

/** A bundle as a folder that lists nothing else. */
export function bundleFolder(bytes: Uint8Array, file = "m.quern"): FolderSource {
  return filesFolder("made", { [file]: bytes });
}

/** A bundle with another index. The CRC-32s of all entries are made anew. */
export async function withIndex(
  bytes: Uint8Array,
  change: (
    index: Record<string, unknown> & { linears: Record<string, unknown>[]; vectors: Record<string, unknown>[] },
  ) => void,
): Promise<Uint8Array> {
  const { readZip } = await import("../../src/format/bundle/zip-reader.ts");
  const { ZipWriter } = await import("../../src/format/bundle/zip-writer.ts");
  const { crc32 } = await import("../../src/format/bundle/crc32.ts");
  const { bytesSource } = await import("../../src/files/source.ts");
  const source = bytesSource("m.quern", bytes);
  const output = memoryFile();
  const zip = new ZipWriter(output);
  for (const entry of (await readZip(source)).values()) {
    let content = bytes.slice(entry.start, entry.start + entry.bytes);
    if (entry.name === "quern.json") {
      const json = JSON.parse(new TextDecoder().decode(content)) as Parameters<typeof change>[0];
      change(json);
      content = new TextEncoder().encode(JSON.stringify(json));
    }
    await zip.add(entry.name, { bytes: content.length, crc: crc32(content) }, [content]);
  }
  await zip.end();
  await output.commit();
  return output.bytes() as Uint8Array;
}
