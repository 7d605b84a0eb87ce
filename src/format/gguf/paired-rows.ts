/**
 * Puts rows of queries and keys into the order of Hugging Face. Some architectures keep the two rows that RoPE rotates together side by
 * side in GGUF files: row 2i + h of a head is there what is row i + h * (rows of a head) / 2 elsewhere.
 */

import { FormatError } from "../../base/errors.ts";
import type { ByteSource } from "../../files/source.ts";
import type { GgufEntry } from "./gguf-header.ts";

/** The same tensor with its rows in the other order. Its source reads whole heads and moves their rows. */
export function unpairedRows(entry: GgufEntry, heads: number): GgufEntry {
  const rows = entry.shape[0];
  if (rows % (2 * heads) !== 0)
    throw new FormatError(
      `${entry.source.name}: tensor ${entry.name}`,
      `found ${rows} rows, expected an even number for each of ${heads} heads`,
    );
  const layout = { rowBytes: entry.byteLength / rows, headRows: rows / heads };
  return { ...entry, source: unpairedSource(entry, layout) };
}

interface HeadLayout {
  readonly rowBytes: number;
  readonly headRows: number;
}

/** The file's source, but for the bytes of this tensor. */
function unpairedSource({ source, offset, byteLength }: GgufEntry, layout: HeadLayout): ByteSource {
  const headBytes = layout.rowBytes * layout.headRows;
  return {
    name: source.name,
    size: source.size,
    async read(at, into) {
      const start = at - offset;
      if (start < 0 || start + into.length > byteLength) return source.read(at, into);
      const first = Math.floor(start / headBytes) * headBytes;
      const end = Math.min(byteLength, Math.ceil((start + into.length) / headBytes) * headBytes);
      const heads = new Uint8Array(end - first);
      await source.read(offset + first, heads);
      copyRows(heads, into, start - first, layout);
    },
    close: async () => source.close?.(),
  };
}

/** Copies the bytes from `start` on of the heads in their new order. A range may begin and end within a row. */
function copyRows(heads: Uint8Array, into: Uint8Array, start: number, { rowBytes, headRows }: HeadLayout): void {
  for (let done = 0; done < into.length; ) {
    const row = Math.floor((start + done) / rowBytes);
    const inRow = start + done - row * rowBytes;
    const count = Math.min(rowBytes - inRow, into.length - done);
    const inHead = row % headRows;
    const half = headRows / 2;
    const from = row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
    into.set(heads.subarray(from * rowBytes + inRow, from * rowBytes + inRow + count), done);
    done += count;
  }
}
