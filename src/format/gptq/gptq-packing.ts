/**
 * Packs b-bit codes into int32 words as GPTQ checkpoints do, the low bits first.
 *
 * A run of 32 codes takes b words: a little-endian stream of 32 b bits (AutoGPTQ's order; at 3 bits two codes cross a word).
 * `qweight` [K b/32, N] packs down the input axis: word row r of column n holds codes of output n. `qzeros` [G, N b/32]
 * packs along the output axis.
 */

import { FormatError, ShapeError, UnsupportedError } from "../../base/errors.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { firstTooLarge } from "../../tensor/quantized-matrix.ts";
import { packBlock, unpackBlock } from "./gptq-blocks.ts";

/** `gptq` (v1) stores zero points minus one, `gptq_v2` stores them unchanged. */
export type GptqVersion = "gptq" | "gptq_v2";

/** Number of codes that fill whole words; K must be a multiple of it. */
function codesPerBlock(bits: Bits): number {
  return bits === 3 ? 32 : 32 / bits;
}

function wordsPerBlock(bits: Bits): number {
  return bits === 3 ? 3 : 1;
}

/** Number of words for `count` codes; the last block may be padded, as for the zero points of a vocabulary of any size. */
export function packedWords(count: number, bits: Bits): number {
  return Math.ceil(count / codesPerBlock(bits)) * wordsPerBlock(bits);
}

/** Unpacks codes[N,K] from qweight[K b/32, N]. */
export function unpackColumns(qweight: Int32Array, K: number, N: number, bits: Bits): Uint8Array {
  checkMultiple("qweight", K, bits);
  checkPacked("qweight", qweight.length, K, N, bits);
  const codes = new Uint8Array(N * K);
  const quads = new Uint32Array(codes.buffer);
  forEachTile(K, N, bits, (word, quad) => unpackBlock(qweight, word, N, quads, quad, bits));
  return codes;
}

/** Packs codes[N,K], which must fit their bits, into qweight[K b/32, N]. */
export function packColumns(codes: Uint8Array, K: number, N: number, bits: Bits): Int32Array {
  checkMultiple("codes", K, bits);
  const aligned = checkCodes("codes", codes, K, N, bits);
  const quads = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  const qweight = new Int32Array(packedWords(K, bits) * N);
  forEachTile(K, N, bits, (word, quad) => packBlock(quads, quad, qweight, word, N, bits));
  return qweight;
}

/** Unpacks zeros[N,G] from qzeros[G, N b/32], for weights scale * (code - zero). */
export function unpackZeros(qzeros: Int32Array, N: number, G: number, bits: Bits, version: GptqVersion): Uint8Array {
  return transpose(unpackRows(truePacked(qzeros, bits, version), N, G, bits), G, N);
}

/** True zero points, still packed. */
export function truePacked(qzeros: Int32Array, bits: Bits, version: GptqVersion): Int32Array {
  return version === "gptq" ? shifted(qzeros, bits, 1) : qzeros;
}

/** The fields of qzeros as they are stored, [G,N]. */
export function unpackRows(qzeros: Int32Array, N: number, G: number, bits: Bits): Uint8Array {
  checkPacked("qzeros", qzeros.length, N, G, bits);
  const padded = paddedTo(N, bits);
  const fields = new Uint8Array(G * padded);
  const quads = new Uint32Array(fields.buffer);
  const words = wordsPerBlock(bits);
  const quadsPerBlock = codesPerBlock(bits) / 4;
  for (let word = 0, quad = 0; word < qzeros.length; word += words, quad += quadsPerBlock)
    unpackBlock(qzeros, word, 1, quads, quad, bits);
  return resized(fields, G, padded, N);
}

/**
 * Packs zeros[N,G] into qzeros[G, N b/32]. In v1 a zero point of 0 borrows from the next field, as writers of such files do it, though not every
 * reader gives that back: only models that had such zeros before are written so.
 */
export function packZeros(zeros: Uint8Array, N: number, G: number, bits: Bits, version: GptqVersion): Int32Array {
  const fields = transpose(checkCodes("zeros", zeros, G, N, bits), N, G);
  if (version === "gptq") {
    if (fields.includes(0)) return shifted(packZeros(zeros, N, G, bits, "gptq_v2"), bits, -1);
    // No field is 0, so nothing is borrowed: the words are the same as after the reference's one subtraction.
    for (let i = 0; i < fields.length; i++) fields[i]--;
  }
  const quads = new Uint32Array(resized(fields, G, N, paddedTo(N, bits)).buffer);
  const qzeros = new Int32Array(packedWords(N, bits) * G);
  const words = wordsPerBlock(bits);
  const quadsPerBlock = codesPerBlock(bits) / 4;
  for (let word = 0, quad = 0; word < qzeros.length; word += words, quad += quadsPerBlock)
    packBlock(quads, quad, qzeros, word, 1, bits);
  return qzeros;
}

/**
 * Undoes (1) or does (-1) the "minus one" of v1. Writers subtract 0x11111111 (4 bits) from the whole word, so that a true zero of 0 borrows from
 * the next field; only adding the same constant to the whole word restores it. At 3 bits, writers subtract field by field.
 */
function shifted(qzeros: Int32Array, bits: Bits, by: 1 | -1): Int32Array {
  if (bits === 3) return shiftedFields(qzeros, by & 7);
  const ones = { 2: 0x55555555, 4: 0x11111111, 8: 0x01010101 }[bits];
  return qzeros.map((word) => word + by * ones);
}

/** (field + by) & 7 for all 3-bit fields of a stream at once: each has a byte while it is added to. */
function shiftedFields(qzeros: Int32Array, by: number): Int32Array {
  const fields = new Uint32Array(8);
  const result = new Int32Array(qzeros.length);
  for (let word = 0; word < qzeros.length; word += 3) {
    unpackBlock(qzeros, word, 1, fields, 0, 3);
    for (let quad = 0; quad < 8; quad++) fields[quad] = (fields[quad] + by * 0x01010101) & 0x07070707;
    packBlock(fields, 0, result, word, 1, 3);
  }
  return result;
}

/**
 * Visits the blocks of a [K, N] matrix in tiles of 128 codes of K, so that all words of a cache line are used before it is evicted.
 * `word` is the block's first word (the next one is N further), `quad` its first four codes.
 */
function forEachTile(K: number, N: number, bits: Bits, visit: (word: number, quad: number) => void): void {
  const step = codesPerBlock(bits);
  const words = wordsPerBlock(bits);
  for (let tile = 0; tile < K; tile += 128) {
    const tileEnd = Math.min(K, tile + 128);
    for (let n = 0; n < N; n++)
      for (let k = tile; k < tileEnd; k += step) visit((k / step) * words * N + n, (n * K + k) / 4);
  }
}

function checkPacked(where: string, words: number, packed: number, other: number, bits: Bits): void {
  if (words !== packedWords(packed, bits) * other)
    throw new ShapeError(where, [packedWords(packed, bits) * other], [words]);
}

function checkMultiple(where: string, packed: number, bits: Bits): void {
  if (packed % codesPerBlock(bits) !== 0)
    throw new UnsupportedError(where, `a packed axis of ${packed}`, [
      `multiples of ${codesPerBlock(bits)} at ${bits} bits`,
    ]);
}

/** Checks length and range. Returns a copy if the view is not aligned for words. */
function checkCodes(where: string, codes: Uint8Array, K: number, N: number, bits: Bits): Uint8Array {
  if (codes.length !== N * K) throw new ShapeError(where, [N, K], [codes.length]);
  const bad = firstTooLarge(codes, bits);
  if (bad >= 0)
    throw new FormatError(where, `found ${codes[bad]} at ${bad}, expected at most ${2 ** bits - 1} at ${bits} bits`);
  return codes.byteOffset % 4 === 0 ? codes : codes.slice();
}

/** `count` codes with the padding that fills their last block. */
function paddedTo(count: number, bits: Bits): number {
  const step = codesPerBlock(bits);
  return Math.ceil(count / step) * step;
}

/** The rows [rows, from] with `to` columns each: cut, or padded with zeros. */
function resized(fields: Uint8Array, rows: number, from: number, to: number): Uint8Array {
  if (from === to) return fields;
  const result = new Uint8Array(rows * to);
  for (let row = 0; row < rows; row++)
    result.set(fields.subarray(row * from, row * from + Math.min(from, to)), row * to);
  return result;
}

/** Transposes [rows, columns] to [columns, rows]. */
function transpose(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = bytes[row * columns + column];
  return result;
}
