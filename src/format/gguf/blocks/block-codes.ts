/**
 * Unpacks quantised blocks of GGUF files into whole numbers: a code for each element, and scales. In all types a weight is
 * `d * scale * code - dmin * min`, with d and dmin of a block and scale and min of a group, computed in f32.
 */

import { UnsupportedError } from "../../../base/errors.ts";
import type { BlockType, GgufType } from "../gguf-types.ts";
import type { BlockCodes } from "./block-parts.ts";
import { unpackQ2K, unpackQ3K, unpackQ4K, unpackQ5K, unpackQ6K } from "./k-blocks.ts";
import { unpackQ4, unpackQ5, unpackQ8 } from "./small-blocks.ts";

/** How a type stores its blocks. */
export interface UnpackForm {
  /** Columns that share a scale. */
  readonly group: 16 | 32;
  /** Whether dmin and mins occur. */
  readonly hasMins: boolean;
  /** The smallest and the largest code. */
  readonly codes: readonly [number, number];
  /** Writes the block whose bytes begin at `from` as block number `block` of `into`, which holds zeros and scales of 1. */
  unpack(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void;
}

const FORMS: Readonly<Partial<Record<GgufType, UnpackForm>>> = {
  Q4_0: {
    group: 32,
    hasMins: false,
    codes: [-8, 7],
    unpack: (bytes, from, into, block) => unpackQ4(false, bytes, from, into, block),
  },
  Q4_1: {
    group: 32,
    hasMins: true,
    codes: [0, 15],
    unpack: (bytes, from, into, block) => unpackQ4(true, bytes, from, into, block),
  },
  Q5_0: {
    group: 32,
    hasMins: false,
    codes: [-16, 15],
    unpack: (bytes, from, into, block) => unpackQ5(false, bytes, from, into, block),
  },
  Q5_1: {
    group: 32,
    hasMins: true,
    codes: [0, 31],
    unpack: (bytes, from, into, block) => unpackQ5(true, bytes, from, into, block),
  },
  Q8_0: { group: 32, hasMins: false, codes: [-128, 127], unpack: unpackQ8 },
  Q2_K: { group: 16, hasMins: true, codes: [0, 3], unpack: unpackQ2K },
  Q3_K: { group: 16, hasMins: false, codes: [-4, 3], unpack: unpackQ3K },
  Q4_K: { group: 32, hasMins: true, codes: [0, 15], unpack: unpackQ4K },
  Q5_K: { group: 32, hasMins: true, codes: [0, 31], unpack: unpackQ5K },
  Q6_K: { group: 16, hasMins: false, codes: [-32, 31], unpack: unpackQ6K },
};

/** The form of a quantised type; undefined for floats and for types that are no whole numbers. */
export function blockForm(type: GgufType): UnpackForm | undefined {
  return FORMS[type];
}

/** The form of a type. @throws UnsupportedError for a type without one. */
export function requireForm({ name }: BlockType, where: string): UnpackForm {
  const form = FORMS[name];
  if (form === undefined) throw new UnsupportedError(where, name, Object.keys(FORMS));
  return form;
}

/** Unpacks all blocks of `bytes`. */
export function unpackBlocks(type: BlockType, form: UnpackForm, bytes: Uint8Array): BlockCodes {
  const blocks = bytes.length / type.bytes;
  const groups = (blocks * type.elements) / form.group;
  const into: BlockCodes = {
    codes: new Int8Array(blocks * type.elements),
    d: new Uint16Array(blocks),
    dmin: new Uint16Array(blocks),
    scales: new Int8Array(groups).fill(1),
    mins: new Int8Array(groups),
  };
  for (let block = 0; block < blocks; block++) form.unpack(bytes, block * type.bytes, into, block);
  return into;
}
