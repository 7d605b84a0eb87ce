/**
 * Finished blocks, kept: quantising may be killed at any moment and goes on with the block that was being done. The folder has
 * `run.json`, what decides the outcome, and a file a block (block-file.ts), each written whole before it gets its name.
 */
import { asObject } from "../../base/json.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import { readJson } from "../../files/json-file.ts";
import { committed } from "../../files/output.ts";
import { type RunIdentity, requireSameRun } from "../../files/run-identity.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import type { QuantizedBlock, QuantizedMatrices } from "../result/quantized.ts";
import type { Windows } from "../windows/window-batch.ts";
import { BLOCK_FILE, BlockFolder } from "./block-folder.ts";
import { quantizeIdentity } from "./quantize-identity.ts";

/** Where `quantizeModel` keeps finished blocks. */
export interface Checkpoint {
  /** The block as it was saved; undefined where it was not. */
  load(layer: number): Promise<QuantizedBlock | undefined>;
  /** Resolves when the block is safe. */
  save(layer: number, block: QuantizedBlock): Promise<void>;
  /** Matrices of the blocks that are saved, read when they are asked for. */
  readonly matrices: QuantizedMatrices;
}

/** Blocks in a folder. */
export interface ScratchCheckpoint extends Checkpoint {
  /** Removes everything: the work is done. */
  remove(): Promise<void>;
}

/** The same with what decides the outcome, so that another run can go on with them. */
export interface FolderCheckpoint extends ScratchCheckpoint {
  /** Blocks that were there when it was opened. */
  readonly found: number;
  readonly identity: RunIdentity;
}

/** What a run is of, and whether it goes on with blocks that are there. */
export interface CheckpointRun {
  readonly settings: QuantizeSettings;
  readonly windows?: Windows;
  /** Goes on with what the folder has, if anything; without it that is removed. */
  readonly resume?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const RUN_OPTIONS: KnownOptions<CheckpointRun> = {
  ...{ settings: true, windows: true, resume: true, signal: true, onProgress: true },
};
const RUN_FILE = "run.json";

/**
 * Blocks of this model, these settings and these windows in `folder`, which is made with the first block. Reads every weight once, for their hash.
 * @throws UsageError for blocks of another run, naming what differs, what was found and expected.
 */
export async function openCheckpoint(folder: WorkFolder, model: Model, run: CheckpointRun): Promise<FolderCheckpoint> {
  checkKnownOptions<CheckpointRun>("openCheckpoint", run, RUN_OPTIONS);
  const { settings, windows, signal, onProgress } = run;
  const identity = await quantizeIdentity(model, settings, windows, new Turns(signal), onProgress);
  const own = async () => (await folder.list()).filter((file) => file === RUN_FILE || BLOCK_FILE.test(file));
  let begun = run.resume === true && (await isSameRun(folder, identity));
  // Blocks without a run.json that vouches for them are nobody's.
  await folder.remove(begun ? [] : await own());
  const blocks = new BlockFolder(folder, model, settings);
  return {
    identity,
    found: begun ? (await own()).length - 1 : 0,
    matrices: blocks,
    load: (layer) => blocks.load(layer),
    async save(layer, block) {
      if (!begun) await writeIdentity(folder, identity);
      begun = true;
      await blocks.save(layer, block);
    },
    async remove() {
      await blocks.close();
      await folder.remove(await own());
    },
  };
}

/**
 * Finished blocks in `folder` for one run that nobody goes on with: they keep its matrices out of memory until they are written.
 */
export function scratchCheckpoint(folder: WorkFolder, model: Model, settings: QuantizeSettings): ScratchCheckpoint {
  const blocks = new BlockFolder(folder, model, settings);
  return {
    matrices: blocks,
    load: async () => undefined,
    save: (layer, block) => blocks.save(layer, block),
    async remove() {
      await blocks.close();
      await folder.remove((await folder.list()).filter((file) => BLOCK_FILE.test(file)));
    },
  };
}

/** False where the folder has no run; throws where it has another one. */
async function isSameRun(folder: WorkFolder, identity: RunIdentity): Promise<boolean> {
  const source = await folder.open(RUN_FILE);
  if (source === undefined) return false;
  try {
    requireSameRun(asObject(await readJson(source), source.name), identity, source.name);
  } finally {
    await source.close?.();
  }
  return true;
}

async function writeIdentity(folder: WorkFolder, identity: RunIdentity): Promise<void> {
  const output = await folder.file(RUN_FILE);
  await committed(output, () => output.write(new TextEncoder().encode(`${JSON.stringify(identity, null, 2)}\n`)));
}
