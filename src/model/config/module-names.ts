/** How a checkpoint spells its modules: tables of names, in which {layer} and {expert} stand for numbers. */

import type { Projection } from "../../tensor/linear-shape.ts";

/** Which of the spellings on disk: the hub's, or the one that transformers 5 and GPTQModel write. */
export type Spelling = "hub" | "transformers";
export const SPELLINGS: readonly Spelling[] = ["hub", "transformers"];

/** The three linears of an MLP. */
export type MlpNames = Readonly<Record<"gate" | "up" | "down", string>>;

/** A tensor [experts, parts x rows, cols] that holds a projection of every expert of a layer, as its `part`-th rows. */
export interface BankName {
  readonly tensor: string;
  readonly parts: number;
  readonly part: number;
}

/** Names of modules without `.weight`, of all that a model may have. */
export interface ModuleNames {
  readonly embedding: string;
  readonly head: string;
  readonly finalNorm: string;
  /** Before attention, and before the MLP or the experts. */
  readonly attentionNorm: string;
  readonly mlpNorm: string;
  readonly attention: Readonly<Record<"q" | "k" | "v" | "o", string>>;
  readonly router: string;
  readonly expert: MlpNames;
  /** Where the experts of a layer share tensors, as transformers 5 keeps them in memory. */
  readonly banks: Readonly<Partial<Record<Projection, BankName>>>;
  readonly shared?: MlpNames;
  readonly sharedGate?: string;
  readonly dense?: MlpNames;
}

/** What the spellings of all families have in common. */
export const COMMON_NAMES: Omit<ModuleNames, "router" | "expert"> = {
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
  banks: {
    gate: { tensor: "model.layers.{layer}.mlp.experts.gate_up_proj", parts: 2, part: 0 },
    up: { tensor: "model.layers.{layer}.mlp.experts.gate_up_proj", parts: 2, part: 1 },
    down: { tensor: "model.layers.{layer}.mlp.experts.down_proj", parts: 1, part: 0 },
  },
};

/** `prefix.gate_proj` and so on: how most files call the linears of an MLP. */
export function mlpNames(prefix: string): MlpNames {
  return { gate: `${prefix}.gate_proj`, up: `${prefix}.up_proj`, down: `${prefix}.down_proj` };
}

/** The name for a layer, and for an expert where it has one. */
export function nameFor(template: string, layer: number, expert = -1): string {
  return template.replace("{layer}", String(layer)).replace("{expert}", String(expert));
}

/** Tensor names of the weights of all norms. */
export function normNames(names: ModuleNames, layers: number): readonly string[] {
  const templates = [names.attentionNorm, names.mlpNorm];
  const blocks = Array.from({ length: layers }, (_, layer) => templates.map((template) => nameFor(template, layer)));
  return [...blocks.flat(), names.finalNorm].map((name) => `${name}.weight`);
}
