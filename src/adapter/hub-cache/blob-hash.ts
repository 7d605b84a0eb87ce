/** The hash that names a blob: SHA-256 for large files (LFS), git's own SHA-1 for the others. */
import { createHash, type Hash } from "node:crypto";

/** Whether a blob's name is a hash of its bytes. Another tag says nothing about them, so that only their number is checked. */
export function isHash(name: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
}

/** Ready for the bytes of a file of `size` bytes. The length of the expected hash tells which one it is. */
export function blobHash(expected: string, size: number): Hash {
  if (expected.length === 64) return createHash("sha256");
  // Git hashes a header before a file's bytes.
  return createHash("sha1").update(`blob ${size}\0`);
}
