/**
 * Limits of the sizes in a configuration. Names and places of all linears are built before any tensor is read, so the counts in an
 * untrusted file must be bounded first. Models of the supported families are far below the limits.
 */
import { UnsupportedError } from "../../base/errors.ts";
import type { ModelConfig } from "./model-config.ts";

export const LIMITS = {
  layers: 4096,
  /** Experts of one layer. */
  experts: 16_384,
  /** Linears of the whole model. Each takes a few kilobytes in names and plans. Qwen3-235B has about 37 000. */
  linears: 65_536,
  /** Rows or columns of one linear. */
  width: 16_777_216,
} as const;

/** @throws UnsupportedError naming what is too large, and the limit. */
export function checkLimits(config: ModelConfig, where: string): void {
  const widths: Readonly<Record<string, number>> = {
    hidden_size: config.hiddenSize,
    vocab_size: config.vocabSize,
    "num_attention_heads * head_dim": config.heads * config.headDim,
    "num_attention_heads * v_head_dim": config.heads * (config.valueDim + (config.latent?.plain ?? 0)),
    "the width of a latent": Math.max(config.latent?.queryRank ?? 0, config.latent?.rank ?? 0),
    "the tokens of a convolution": config.conv?.taps ?? 0,
    "the width of an expert": config.expertWidth,
    "the width of the shared experts": config.sharedWidth,
    "the width of a dense layer": config.denseWidth,
  };
  for (const [name, width] of Object.entries(widths)) requireAtMost(LIMITS.width, width, `${where}: ${name}`);
  const moe = config.moeLayers.filter((isMoe) => isMoe).length;
  const linears = 2 + config.layers * (config.sharedGate ? 9 : 8) + moe * config.experts * 3;
  requireAtMost(LIMITS.linears, linears, `${where}: linears of all layers and experts`);
}

function requireAtMost(limit: number, found: number, where: string): void {
  if (found > limit) throw new UnsupportedError(where, String(found), [`at most ${limit}`]);
}
