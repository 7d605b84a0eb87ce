import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { sha256, sha256OfPieces } from "../../src/files/sha256.ts";
import { bytesSource, PIECE_BYTES } from "../../src/files/source.ts";

const hashOf = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

describe("sha256", () => {
  it("is Node's, and sees only the bytes of a view", async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
    expect(await sha256(bytes.subarray(5, 99))).toBe(hashOf(bytes.subarray(5, 99)));
    expect(await sha256(new Int32Array([1, -2]))).toBe(hashOf(new Uint8Array(new Int32Array([1, -2]).buffer)));
  });
});

describe("sha256OfPieces", () => {
  it("is the hash of the hashes of pieces, each told before it is read", async () => {
    const bytes = new Uint8Array(PIECE_BYTES + 1000).map((_, i) => i * 31);
    const pieces = [bytes.subarray(0, PIECE_BYTES), bytes.subarray(PIECE_BYTES)];
    const told: number[] = [];
    const found = await sha256OfPieces(bytesSource("f", bytes), (done) => void told.push(done));
    expect(found).toBe(hashOf(pieces.map((piece) => `${hashOf(piece)}\n`).join("")));
    expect(told).toEqual([0, PIECE_BYTES]);
  });

  it("is that of nothing for an empty file, and stops when it is told to", async () => {
    expect(await sha256OfPieces(bytesSource("f", new Uint8Array(0)), () => {})).toBe(hashOf(""));
    const stopping = sha256OfPieces(bytesSource("f", new Uint8Array(1)), () => {
      throw new Error("stopped");
    });
    await expect(stopping).rejects.toThrow("stopped");
  });
});
