/** Keeps what the float model computes on a calibration draw in the cache: cells that quantise with error feedback read it instead of computing it. */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { nodeOutputFile } from "../../../adapter/node-output.ts";
import type { FloatBlocks } from "../../../compress/feedback/float-run.ts";
import type { SweepCell } from "../cell-list.ts";
import { FLOAT_BLOCK, floatBlockName } from "./shared-names.ts";
import type { SweepFolder } from "./sweep-cache.ts";

/** Most bytes of all blocks of a draw. Of a model or draw that would take more, nothing is kept. */
const MOST_BYTES = 2e9;

export function keptFloatBlocks(cell: SweepCell, { cache, isInOrder }: SweepFolder, layers: number): FloatBlocks {
  const pathOf = async (layer: number) => join(cache, await floatBlockName(cell, layer));
  return {
    async load(layer, length) {
      const bytes = await readFile(await pathOf(layer)).catch(() => undefined);
      return bytes?.byteLength === 4 * length ? new Float32Array(bytes.buffer, bytes.byteOffset, length) : undefined;
    },
    async save(layer, { buffer, byteLength }) {
      if (layers * byteLength > MOST_BYTES) return;
      try {
        if (isInOrder && layer === 0) await removeOthers(cache, await floatBlockName(cell, 0));
        await using output = await nodeOutputFile(await pathOf(layer), { force: true });
        await output.write(new Uint8Array(buffer));
        await output.commit();
      } catch {
        // A cell needs nothing of this: on a full disk it computes what it cannot keep.
      }
    },
  };
}

/** Removes the blocks of other draws. A cell that still needs them computes them. */
async function removeOthers(cache: string, own: string): Promise<void> {
  const draw = own.slice(0, -1);
  for (const name of await readdir(cache))
    if (FLOAT_BLOCK.test(name) && !name.startsWith(draw)) await rm(join(cache, name), { force: true });
}
