/** Checkpoints in memory whose reads are counted, and a bench that lays their linears in panels. */
import { Turns } from "../../../src/base/turns.ts";
import { type ByteSource, bytesSource } from "../../../src/files/source.ts";
import type { LoadBench, StoredMatrix } from "../../../src/format/codecs/codec.ts";
import { readAlone } from "../../../src/format/read-ahead.ts";
import type { TensorIndex } from "../../../src/format/tensor-index.ts";
import type { Machine } from "../../../src/wasm/machine.ts";

export interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface CountedIndex extends TensorIndex {
  /** Bytes of the largest read so far. */
  largestRead(): number;
}

export function indexOf(tensors: readonly Tensor[]): CountedIndex {
  let largest = 0;
  const counted = (source: ByteSource): ByteSource => ({
    name: source.name,
    size: source.size,
    read: (offset, into) => {
      largest = Math.max(largest, into.byteLength);
      return source.read(offset, into);
    },
  });
  const entries = tensors.map(({ bytes, ...tensor }) => ({
    ...{ ...tensor, offset: 0, byteLength: bytes.byteLength },
    source: counted(bytesSource("memory.safetensors", bytes)),
  }));
  return {
    name: "memory.safetensors",
    entries: new Map(entries.map((entry) => [entry.name, entry])),
    largestRead: () => largest,
    async close() {},
  };
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** The panels of a stored matrix, with the order of its columns and what was odd. */
export async function layOut(
  machine: Machine,
  stored: StoredMatrix,
): Promise<{
  panels: Uint8Array;
  perm: Int32Array | undefined;
  zero: number | undefined;
  warnings: readonly string[];
}> {
  using memory = machine.arena.region();
  const warnings: string[] = [];
  const ptr = memory.alloc(stored.memoryBytes);
  const bench: LoadBench = {
    ...{ machine, turns: new Turns(), staging: memory.alloc(stored.stagingBytes), read: readAlone },
    warn: (sentence) => void warnings.push(sentence),
  };
  const { perm, zero = stored.kind === "packed" ? stored.zero : undefined } = await stored.lay(bench, ptr);
  return { panels: machine.arena.u8(ptr, stored.memoryBytes).slice(), perm, zero, warnings };
}
