/** Writes tensors as one safetensors file, or as several with an index where one would be too large. */

import { jsonText } from "../../base/json-text.ts";
import type { Turns } from "../../base/turns.ts";
import type { OutputFolder } from "../../files/output.ts";
import { tensorBytes } from "../../format/safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../format/safetensors-writer.ts";
import { writeText } from "../write/companions.ts";
import { WEIGHTS_FILE } from "../write/write-quantized.ts";

export interface ShardRun {
  /** Most bytes of tensors in a file; a larger tensor has a file of its own. */
  readonly shardBytes: number;
  readonly turns: Turns;
  readonly onBytes: (done: number, total: number) => void;
}

/** Returns the bytes of all files. */
export async function writeShards(
  output: OutputFolder,
  tensors: readonly TensorToWrite[],
  { shardBytes, turns, onBytes }: ShardRun,
): Promise<number> {
  const total = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  let done = 0;
  const watched = (tensor: TensorToWrite): TensorToWrite => ({
    ...tensor,
    async *pieces() {
      for await (const piece of tensor.pieces()) {
        yield piece;
        done += piece.byteLength;
        onBytes(done, total);
        await turns.pause();
      }
    },
  });
  const shards = partition(tensors, shardBytes);
  const names = shards.map((_, i) => (shards.length === 1 ? WEIGHTS_FILE : shardName(i + 1, shards.length)));
  let bytes = 0;
  for (const [i, shard] of shards.entries()) {
    const file = await output.file(names[i]);
    bytes += await writeSafetensors(file, shard.map(watched));
    await file.close();
  }
  if (shards.length > 1) {
    const map = shards.flatMap((shard, i) => shard.map(({ name }) => [name, names[i]] as const));
    const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(map) };
    await writeText(output, `${WEIGHTS_FILE}.index.json`, jsonText(index));
  }
  return bytes;
}

function bytesOf({ dtype, shape, name }: TensorToWrite): number {
  return tensorBytes(dtype, shape, `tensor ${name}`);
}

function partition(tensors: readonly TensorToWrite[], most: number): readonly (readonly TensorToWrite[])[] {
  const shards: TensorToWrite[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (size > 0 && size + bytes > most) {
      shards.push([]);
      size = 0;
    }
    shards[shards.length - 1].push(tensor);
    size += bytes;
  }
  return shards;
}

function shardName(part: number, parts: number): string {
  const padded = (count: number) => String(count).padStart(5, "0");
  return `model-${padded(part)}-of-${padded(parts)}.safetensors`;
}
