/** Every linear of a model: its place in the network, its shape, and its module name on disk. */

import type { Family, Projection, Spelling } from "../config/families/family.ts";
import type { ModelConfig } from "../config/model-config.ts";

export type Role = "attention" | "expert" | "shared" | "dense" | "router" | "embedding" | "head";

export interface Slot {
  /** Module name as the folder spells it, without `.weight`. */
  readonly name: string;
  readonly role: Role;
  /** -1 for embedding and head. */
  readonly layer: number;
  /** Routed experts only, else -1. */
  readonly expert: number;
  readonly projection: Projection | "router" | "embedding" | "head";
  readonly rows: number;
  readonly cols: number;
}

const ATTENTION: readonly Projection[] = ["q", "k", "v", "o"];
export const MLP: readonly Projection[] = ["gate", "up", "down"];

/** Roles whose linears GPTQ packs; router, embedding and head stay float. */
export function isQuantizable(slot: Pick<Slot, "role">): boolean {
  return slot.role !== "router" && slot.role !== "embedding" && slot.role !== "head";
}

/** All linears in the order in which the forward pass meets them (experts by index, each gate, up, down). */
export function modelSlots(family: Family, config: ModelConfig, spelling: Spelling): readonly Slot[] {
  const { hiddenSize, vocabSize } = config;
  const outer = { layer: -1, expert: -1, rows: vocabSize, cols: hiddenSize };
  const slots: Slot[] = [{ ...outer, name: "model.embed_tokens", role: "embedding", projection: "embedding" }];
  for (let layer = 0; layer < config.layers; layer++)
    // One by one: tens of thousands of experts are too many arguments for one call.
    for (const slot of layerSlots(family, config, spelling, layer)) slots.push(slot);
  if (!config.tiedEmbeddings) slots.push({ ...outer, name: "lm_head", role: "head", projection: "head" });
  return slots;
}

export function layerPrefix(layer: number): string {
  return `model.layers.${layer}.`;
}

function layerSlots(family: Family, config: ModelConfig, spelling: Spelling, layer: number): readonly Slot[] {
  const names = family.names[spelling];
  const prefix = layerPrefix(layer);
  const { hiddenSize, heads, kvHeads, headDim } = config;
  const slots: Slot[] = ATTENTION.map((projection) => ({
    name: `${prefix}self_attn.${projection}_proj`,
    role: "attention",
    layer,
    expert: -1,
    projection,
    rows: projection === "o" ? hiddenSize : (projection === "q" ? heads : kvHeads) * headDim,
    cols: projection === "o" ? heads * headDim : hiddenSize,
  }));
  const mlp = (role: Role, expert: number, width: number, name: (projection: Projection) => string) => {
    for (const projection of MLP) {
      const [rows, cols] = projection === "down" ? [hiddenSize, width] : [width, hiddenSize];
      slots.push({ name: prefix + name(projection), role, layer, expert, projection, rows, cols });
    }
  };
  if (!config.moeLayers[layer]) {
    mlp("dense", -1, config.denseWidth, names.dense);
    return slots;
  }
  const router = { name: prefix + names.router, layer, expert: -1, rows: config.experts, cols: hiddenSize };
  slots.push({ ...router, role: "router", projection: "router" });
  for (let expert = 0; expert < config.experts; expert++)
    mlp("expert", expert, config.expertWidth, (projection) => names.expert(expert, projection));
  if (config.sharedWidth > 0) mlp("shared", -1, config.sharedWidth, names.shared);
  return slots;
}
