/** The checksum of a linear in a bundle, over its bytes in the engine's memory: several gigabytes a second on each thread. */
import type { Machine } from "../../wasm/machine.ts";

/** Bytes of a unit of the kernel. */
const CHUNK_BYTES = 65536;
const PRIME = 0x9e3779b1;

/** Bytes of staging room that `panelChecksum` needs. */
export function checksumStaging(bytes: number): number {
  return 4 * Math.ceil(bytes / CHUNK_BYTES);
}

/** A checksum of 32 bits over `bytes` bytes, a multiple of 64, from `address` on: the chunks' sums, folded as their lanes are. */
export function panelChecksum(
  machine: Machine,
  range: { readonly address: number; readonly bytes: number },
  staging: number,
): number {
  const { address, bytes } = range;
  const chunks = Math.ceil(bytes / CHUNK_BYTES);
  machine.call("checksum_chunks", chunks, staging, address, bytes, PRIME | 0);
  let sum = PRIME;
  for (const word of machine.arena.i32(staging, chunks)) {
    const product = Math.imul(sum ^ word, PRIME);
    sum = (product << 15) | (product >>> 17);
  }
  return sum >>> 0;
}
