/**
 * Keeps finished blocks in a folder, so that quantising can be killed at any moment and resumed at the block that was in progress. The
 * folder holds `run.json` (everything that decides the outcome) and one file per block (block-file.ts). Each file is written completely
 * before it gets its name.
 */
import { asObject } from "../../base/json.ts";
import { jsonText } from "../../base/json-text.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import { readJson } from "../../files/json-file.ts";
import { committed } from "../../files/output.ts";
import { type RunIdentity, requireSameRun } from "../../files/run-identity.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import type { QuantizedBlock, QuantizedMatrices } from "../result/quantized.ts";
import { quantizeNeeds, requireRoom } from "../windows/batch-room.ts";
import { checkWindows, type Windows } from "../windows/window-batch.ts";
import { BLOCK_FILE, BlockFolder } from "./block-folder.ts";
import { quantizeIdentity } from "./quantize-identity.ts";

/** Where `quantizeModel` keeps finished blocks. */
export interface Checkpoint {
  /** The block as it was saved; undefined if it was not saved. Blocks are the layers, then embedding and head. */
  load(block: number): Promise<QuantizedBlock | undefined>;
  /** Resolves when the block is stored. */
  save(block: number, result: QuantizedBlock): Promise<void>;
  /** Matrices of the saved blocks, each read when it is requested. */
  readonly matrices: QuantizedMatrices;
}

/** Finished blocks in a folder. */
export interface ScratchCheckpoint extends Checkpoint {
  /** Removes all files of the run, once the work is done. */
  remove(): Promise<void>;
}

/** Finished blocks in a folder, with a record of what decides the outcome, so that another run can resume from them. */
export interface FolderCheckpoint extends ScratchCheckpoint {
  /** Number of blocks that the folder held when it was opened. */
  readonly found: number;
  /** Number of all blocks: the layers, and one each for an embedding and a head that are quantised. */
  readonly blocks: number;
  readonly identity: RunIdentity;
}

/** What a run quantises, and whether it may resume from existing blocks. */
export interface CheckpointRun {
  readonly settings: QuantizeSettings;
  readonly windows?: Windows;
  /** Resumes from the blocks in the folder, if there are any. Otherwise they are removed. */
  readonly resume?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const RUN_OPTIONS: KnownOptions<CheckpointRun> = {
  ...{ settings: true, windows: true, resume: true, signal: true, onProgress: true },
};
const RUN_FILE = "run.json";

/**
 * Opens `folder` for the finished blocks of this model, these settings and these windows. The folder is created with the first block.
 * Reads every weight once, to hash it.
 * @throws UsageError if the folder has blocks of another run; it names what differs, what was found and what was expected.
 */
export async function openCheckpoint(folder: WorkFolder, model: Model, run: CheckpointRun): Promise<FolderCheckpoint> {
  checkKnownOptions<CheckpointRun>("openCheckpoint", run, RUN_OPTIONS);
  const { settings, windows, signal, onProgress } = run;
  // Hashing the weights takes as long as reading them.
  if (windows !== undefined) requireRoom(model, checkWindows(windows, model), quantizeNeeds(model, settings));
  const identity = await quantizeIdentity(model, settings, windows, new Turns(signal), onProgress);
  const own = async () => (await folder.list()).filter((file) => file === RUN_FILE || BLOCK_FILE.test(file));
  let begun = run.resume === true && (await isSameRun(folder, identity));
  // Without a run.json nothing says which run these blocks belong to.
  await folder.remove(begun ? [] : await own());
  const blocks = new BlockFolder(folder, model, settings);
  return {
    identity,
    blocks: blocks.count,
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

/** Finished blocks in `folder` for a run that will not be resumed. They only keep its matrices out of memory until they are written. */
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

/** False if the folder has no run. Throws if it has a different one. */
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
  await committed(output, () => output.write(new TextEncoder().encode(jsonText(identity))));
}
