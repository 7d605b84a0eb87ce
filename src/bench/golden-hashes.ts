/** Hashes of what the engine computes: the same on every runtime, build and number of threads. `ci/golden.json` holds them. */
import type { Turns } from "../base/turns.ts";
import { sha256 } from "../files/sha256.ts";
import type { Model } from "../model/model.ts";
import { quantizeMatrix } from "../quant/quantize-matrix.ts";
import { computeLogits } from "../runtime/logits.ts";
import type { Machine } from "../wasm/machine.ts";

/** The first and the last id of the default models among them. */
const IDS = [0, 430, 410, 258, 389, 1000, 77, 3000, 4, 5, 9, 12, 500, 4095];

/** SHA-256 of the logits, f32 [14, vocabulary], of fourteen fixed tokens. Ids beyond the vocabulary are taken modulo its size. */
export async function logitsHash(model: Model, signal?: AbortSignal): Promise<string> {
  const { vocabSize, maxPositions } = model.config;
  const ids = IDS.slice(0, maxPositions).map((id) => id % vocabSize);
  return sha256((await computeLogits(model, ids, { signal })).data);
}

const MATRIX = { rows: 48, cols: 96, tokens: 200 };

/**
 * Half of the SHA-256 of the codes and half of that of the scales of a matrix that GPTQ quantises to 3 bits. Weights and inputs are made by
 * integer arithmetic, so that every runtime starts from the same bits.
 */
export async function matrixHash(machine: Machine, turns: Turns): Promise<string> {
  const { rows, cols, tokens } = MATRIX;
  let state = 12345;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 16777216 - 0.5;
  };
  const weights = Float32Array.from({ length: rows * cols }, next);
  const inputs = Float32Array.from({ length: tokens * cols }, next);
  const { codes, scales } = await quantizeMatrix(
    machine,
    { ...MATRIX, weights, inputs },
    {
      ...{ bits: 3, groupSize: 32, symmetric: true, clip: "mse", scaleRounding: "f16" },
      ...{ actOrder: "gar", staticGroups: false, deadColumns: "keep", dampPercent: 0.01, turns },
    },
  );
  const [first, second] = await Promise.all([hashOf(codes), hashOf(scales)]);
  return first + second;
}

async function hashOf(data: Uint8Array | Float32Array): Promise<string> {
  return (await sha256(data.slice())).slice(0, 32);
}
