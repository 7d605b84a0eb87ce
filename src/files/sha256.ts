/** Hashes that results and files carry, so that runs on other machines can be compared. */
import { type ByteSource, PIECE_BYTES } from "./source.ts";

/** SHA-256 in hex of the array's bytes (all targets are little endian). */
export async function sha256(data: ArrayBufferView<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", data);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * SHA-256 of the SHA-256s (hex, one a line) of the file's pieces of 8 MiB: the runtime's hash function takes no stream, and a
 * file need not fit in memory. `onPiece` gets the number of bytes read so far, and may throw to stop.
 */
export async function sha256OfPieces(source: ByteSource, onPiece: (done: number) => void): Promise<string> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, source.size));
  const lines: string[] = [];
  for (let done = 0; done < source.size; done += piece.length) {
    onPiece(done);
    const part = piece.subarray(0, Math.min(piece.length, source.size - done));
    await source.read(done, part);
    lines.push(`${await sha256(part)}\n`);
  }
  return sha256(new TextEncoder().encode(lines.join("")));
}
