/** Tables of module names in checkpoints. In them, {layer} and {expert} stand for numbers. */

import type { Projection } from "../../tensor/linear-shape.ts";

/** The spelling of module names on disk: that of the Hugging Face hub, or the one that transformers 5 and GPTQModel write. */
export type Spelling = "hub" | "transformers";
export const SPELLINGS: readonly Spelling[] = ["hub", "transformers"];

/** The three linears of an MLP. */
export type MlpNames = Readonly<Record<"gate" | "up" | "down", string>>;

/** The linears and norms of latent attention. */
export type LatentNames = Readonly<Record<"qDown" | "qUp" | "kvDown" | "kvUp" | "queryNorm" | "latentNorm", string>>;

/** The linears around a short convolution, and its filters. */
export type ConvNames = Readonly<Record<"convIn" | "convOut" | "filter", string>>;

/** A tensor [experts, parts x rows, cols] for all experts of a layer. A projection is part number `part` of each expert's rows. */
export interface BankName {
  readonly tensor: string;
  readonly parts: number;
  readonly part: number;
  /** Whether rows of the parts alternate: row r of a part is row `r * parts + part` of the tensor. Default: part after part. */
  readonly alternate?: boolean;
  /** The tensor [experts, parts x rows] of the biases, whose parts lie in the same way. */
  readonly bias?: string;
  /** Whether float tensors are [experts, cols, parts x rows]. */
  readonly transposed?: boolean;
}

/** Names, without `.weight`, of all modules that a model may have. */
export interface ModuleNames {
  readonly embedding: string;
  readonly head: string;
  readonly finalNorm: string;
  /** The norms before attention, and before the MLP or the experts. */
  readonly attentionNorm: string;
  readonly mlpNorm: string;
  readonly attention: Readonly<Record<"q" | "k" | "v" | "o", string>>;
  /** The norms of queries and keys, for families that have them. */
  readonly queryNorm: string;
  readonly keyNorm: string;
  readonly router: string;
  /** The tensor of the router's bias, which changes the choice of experts but not their weights. */
  readonly routerBias?: string;
  /** The tensor of the sinks of attention heads. */
  readonly sinks?: string;
  readonly latent?: LatentNames;
  readonly conv?: ConvNames;
  readonly expert: MlpNames;
  /** Names of tensors that the experts of a layer share, as in transformers 5. */
  readonly banks: Readonly<Partial<Record<Projection, BankName>>>;
  readonly shared?: MlpNames;
  /** Names of tensors [parts x rows, cols] of the shared experts. */
  readonly sharedBanks?: Readonly<Partial<Record<Projection, BankName>>>;
  readonly sharedGate?: string;
  readonly dense: MlpNames;
}

/** The names that most families have in all spellings. */
export const COMMON_NAMES: ModuleNames = {
  embedding: "model.embed_tokens",
  head: "lm_head",
  finalNorm: "model.norm",
  attentionNorm: "model.layers.{layer}.input_layernorm",
  mlpNorm: "model.layers.{layer}.post_attention_layernorm",
  attention: {
    q: "model.layers.{layer}.self_attn.q_proj",
    k: "model.layers.{layer}.self_attn.k_proj",
    v: "model.layers.{layer}.self_attn.v_proj",
    o: "model.layers.{layer}.self_attn.o_proj",
  },
  queryNorm: "model.layers.{layer}.self_attn.q_norm",
  keyNorm: "model.layers.{layer}.self_attn.k_norm",
  router: "model.layers.{layer}.mlp.gate",
  expert: mlpNames("model.layers.{layer}.mlp.experts.{expert}"),
  dense: mlpNames("model.layers.{layer}.mlp"),
  banks: bankNames("model.layers.{layer}.mlp.experts.gate_up_proj", "model.layers.{layer}.mlp.experts.down_proj"),
};

/** The names that most files use for the linears of an MLP: `prefix.gate_proj` and so on. */
export function mlpNames(prefix: string): MlpNames {
  return { gate: `${prefix}.gate_proj`, up: `${prefix}.up_proj`, down: `${prefix}.down_proj` };
}

/** The projections of experts in two tensors: gate and up, in this order, and down. */
export function bankNames(gateUp: string, down: string): Readonly<Record<"gate" | "up" | "down", BankName>> {
  return {
    gate: { tensor: gateUp, parts: 2, part: 0 },
    up: { tensor: gateUp, parts: 2, part: 1 },
    down: { tensor: down, parts: 1, part: 0 },
  };
}

/** The name of a module of a layer, or of one of its experts. */
export function nameFor(template: string, layer: number, expert = -1): string {
  return template.replace("{layer}", String(layer)).replace("{expert}", String(expert));
}
