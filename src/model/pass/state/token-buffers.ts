/** Sizes of the buffers of a pass for each token, and the number of tokens that a pass computes by default. */
import { preparedBytes } from "../../../nn/linear.ts";
import { stride } from "../../../tensor/matrix.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import { mixerWidths } from "./mixer-widths.ts";

/** Rows of each expert with which its matmuls are nearly as fast as with any more. */
const EXPERT_ROWS = 64;
const LEAST_BATCH = 128;
const MOST_BATCH = 512;
/** Bytes that the buffers of a pass may take by default. */
const BUFFER_BYTES = 64 << 20;

type Attention = "query" | "key" | "value" | "low" | "queryLow" | "attended";
type BufferName = "hidden" | "normed" | "branch" | Attention | "routerLogits" | "sharedGate" | "gate" | "up" | "down";

/** f32 elements that a token needs in each buffer of a pass. */
export function tokenBuffers(config: ModelConfig): Readonly<Record<BufferName, number>> {
  const { hiddenSize, topK } = config;
  const widths = mixerWidths(config);
  const routed = topK * stride(config.expertWidth);
  const mlp = Math.max(routed, stride(config.sharedWidth), stride(config.denseWidth));
  return {
    hidden: stride(hiddenSize),
    normed: stride(hiddenSize),
    query: stride(widths.query),
    key: stride(widths.key),
    value: stride(widths.value),
    low: stride(widths.low),
    queryLow: stride(widths.queryLow),
    attended: stride(widths.attended),
    branch: stride(hiddenSize),
    routerLogits: stride(config.experts),
    sharedGate: config.sharedGate ? stride(1) : 0,
    gate: mlp,
    up: mlp,
    down: topK * stride(hiddenSize),
  };
}

/** Bytes that a token needs at most in each form of prepared inputs. */
export function preparedTokenBytes(config: ModelConfig): { readonly records: number; readonly rounded: number } {
  const { attended, low, queryLow } = mixerWidths(config);
  const widest = Math.max(config.hiddenSize, config.sharedWidth, config.denseWidth, attended, low, queryLow);
  const inputs = [preparedBytes(1, widest), preparedBytes(config.topK, config.expertWidth)];
  return {
    records: Math.max(...inputs.map(({ records }) => records)),
    rounded: Math.max(...inputs.map(({ rounded }) => rounded)),
  };
}

/**
 * Tokens of a pass if nothing else is asked for: so many that each expert gets enough rows, within a bound of memory.
 * @param hasLogits whether the pass has logits of every token.
 */
export function chooseBatch(config: ModelConfig, hasLogits: boolean): number {
  const { records, rounded } = preparedTokenBytes(config);
  const floats = Object.values(tokenBuffers(config)).reduce((sum, count) => sum + count, 0);
  const bytes = 4 * floats + records + 2 * rounded + (hasLogits ? 4 * stride(config.vocabSize) : 0);
  const wish = Math.ceil((EXPERT_ROWS * config.experts) / Math.max(1, config.topK));
  let batch = LEAST_BATCH;
  while (batch < Math.min(wish, MOST_BATCH)) batch *= 2;
  while (batch > 1 && batch * bytes > BUFFER_BYTES) batch /= 2;
  return batch;
}
