/** The steps of `quantize`, one by one. */
export { type QuantizeRun, quantizeModel } from "../compress/quantize/quantize-model.ts";
export type { MatricesByName } from "../compress/result/held-matrices.ts";
export { heldMatrices, type QuantizedBlock } from "../compress/result/quantized.ts";
export {
  type Checkpoint,
  type CheckpointRun,
  type FolderCheckpoint,
  openCheckpoint,
  type ScratchCheckpoint,
  scratchCheckpoint,
} from "../compress/resume/block-checkpoint.ts";
export { WindowBatch, windowsHash } from "../compress/windows/window-batch.ts";
export { type WriteOptions, writeQuantized } from "../compress/write/write-quantized.ts";
