/**
 * Joins the two tensors that newer files have for the keys and values of latent attention. Those of keys are [heads, rank, columns] with each
 * head turned round, those of values [heads, columns, rank]; elsewhere both are rows of one matrix, head by head, keys first.
 */

import { FormatError } from "../../base/errors.ts";
import type { ByteSource } from "../../files/source.ts";
import { readTensor } from "../tensor-index.ts";
import { blockValues } from "./blocks/block-values.ts";
import { plainValues } from "./blocks/plain-values.ts";
import type { GgufEntry } from "./gguf-header.ts";
import { BLOCK_TYPES, type BlockType } from "./gguf-types.ts";

/** The rows of keys and values [heads x (keys + values), rank] in f32. They are computed when they are read, and not kept. */
export function joinedHeads(keys: GgufEntry, values: GgufEntry): GgufEntry {
  const [heads, rank, plain] = keys.shape;
  const [otherHeads, width, otherRank] = values.shape;
  if (keys.shape.length !== 3 || values.shape.length !== 3 || heads !== otherHeads || rank !== otherRank)
    throw new FormatError(
      `${values.source.name}: tensor ${values.name}`,
      `found shape [${values.shape.join(", ")}], expected [${heads}, a width, ${rank}] beside ${keys.name} [${keys.shape.join(", ")}]`,
    );
  const rows = heads * (plain + width);
  const byteLength = 4 * rows * rank;
  return {
    ...keys,
    ...{ dtype: "F32", type: BLOCK_TYPES.get(0) as BlockType, shape: [rows, rank] },
    // Its bytes are not in the file: they have places behind its end.
    ...{ offset: keys.source.size, byteLength, source: joinedSource(keys, values) },
  };
}

function joinedSource(keys: GgufEntry, values: GgufEntry): ByteSource {
  const { name, size } = keys.source;
  return {
    ...{ name, size },
    async read(at, into) {
      if (at < size) return keys.source.read(at, into);
      const joined = join(await valuesOf(keys), await valuesOf(values), keys.shape, values.shape[1]);
      into.set(new Uint8Array(joined.buffer).subarray(at - size, at - size + into.length));
    },
    close: async () => keys.source.close?.(),
  };
}

async function valuesOf(entry: GgufEntry): Promise<Float32Array> {
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  return entry.type.elements === 1 ? plainValues(entry.type.name, bytes) : blockValues(entry.type, bytes);
}

function join(
  keys: Float32Array,
  values: Float32Array,
  [heads, rank, plain]: readonly number[],
  width: number,
): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(heads * (plain + width) * rank);
  for (let head = 0; head < heads; head++) {
    const to = head * (plain + width) * rank;
    for (let r = 0; r < rank; r++)
      for (let n = 0; n < plain; n++) joined[to + n * rank + r] = keys[(head * rank + r) * plain + n];
    joined.set(values.subarray(head * width * rank, (head + 1) * width * rank), to + plain * rank);
  }
  return joined;
}
