/** Damage to bytes: flipped bits, cuts, pieces put in, left out or doubled, extreme words. */
import type { Dice } from "./dice.ts";

const WORDS: readonly bigint[] = [
  0n,
  1n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fc00000n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

type Change = (bytes: Uint8Array, dice: Dice) => Uint8Array;

const CHANGES: readonly Change[] = [
  function flipBits(bytes, dice) {
    for (let count = 1 + dice.below(8); count > 0; count--) bytes[dice.below(bytes.length)] ^= 1 << dice.below(8);
    return bytes;
  },
  function cut(bytes, dice) {
    return bytes.slice(0, dice.below(bytes.length));
  },
  function leaveOut(bytes, dice) {
    const start = dice.below(bytes.length);
    return joined(bytes.subarray(0, start), bytes.subarray(start + 1 + dice.below(64)));
  },
  function putIn(bytes, dice) {
    const at = dice.below(bytes.length);
    const piece = Uint8Array.from({ length: 1 + dice.below(32) }, () => dice.below(256));
    return joined(bytes.subarray(0, at), piece, bytes.subarray(at));
  },
  function doublePiece(bytes, dice) {
    const start = dice.below(bytes.length);
    const end = Math.min(bytes.length, start + 1 + dice.below(256));
    return joined(bytes.subarray(0, end), bytes.subarray(start, end), bytes.subarray(end));
  },
  function extremeWord(bytes, dice) {
    if (bytes.length < 8) return bytes;
    const at = dice.chance(0.3) ? 0 : dice.below(bytes.length - 7);
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(at, dice.pick(WORDS), true);
    return bytes;
  },
];

/** A changed copy. */
export function damageBytes(bytes: Uint8Array, dice: Dice): Uint8Array {
  let changed: Uint8Array = bytes.slice();
  for (let rounds = dice.chance(0.7) ? 1 : 3; rounds > 0 && changed.length > 0; rounds--)
    changed = dice.pick(CHANGES)(changed, dice);
  return changed;
}

export function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
