/** Every linear of a model: its place in the network, its shape, and its module name on disk. */

import type { LinearShape, Projection, Role } from "../../tensor/linear-shape.ts";
import type { Family, Spelling } from "../config/families/family.ts";
import type { ModelConfig } from "../config/model-config.ts";

const ATTENTION = ["q", "k", "v", "o"] as const;
export const MLP = ["gate", "up", "down"] as const;

/** All linears in the order in which the forward pass meets them (experts by index, each gate, up, down). */
export function modelLinears(family: Family, config: ModelConfig, spelling: Spelling): readonly LinearShape[] {
  const { hiddenSize, vocabSize } = config;
  const outer = { layer: -1, expert: -1, rows: vocabSize, cols: hiddenSize };
  const linears: LinearShape[] = [{ ...outer, name: "model.embed_tokens", role: "embedding", projection: "embedding" }];
  for (let layer = 0; layer < config.layers; layer++)
    // One by one: tens of thousands of experts are too many arguments for one call.
    for (const linear of layerLinearShapes(family, config, spelling, layer)) linears.push(linear);
  if (!config.tiedEmbeddings) linears.push({ ...outer, name: "lm_head", role: "head", projection: "head" });
  return linears;
}

export function layerPrefix(layer: number): string {
  return `model.layers.${layer}.`;
}

function layerLinearShapes(
  family: Family,
  config: ModelConfig,
  spelling: Spelling,
  layer: number,
): readonly LinearShape[] {
  const names = family.names[spelling];
  const prefix = layerPrefix(layer);
  const { hiddenSize, heads, kvHeads, headDim } = config;
  const linears: LinearShape[] = ATTENTION.map((projection) => ({
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
      linears.push({ name: prefix + name(projection), role, layer, expert, projection, rows, cols });
    }
  };
  if (!config.moeLayers[layer]) {
    mlp("dense", -1, config.denseWidth, names.dense);
    return linears;
  }
  const router = { name: prefix + names.router, layer, expert: -1, rows: config.experts, cols: hiddenSize };
  linears.push({ ...router, role: "router", projection: "router" });
  for (let expert = 0; expert < config.experts; expert++)
    mlp("expert", expert, config.expertWidth, (projection) => names.expert(expert, projection));
  if (config.sharedWidth > 0) mlp("shared", -1, config.sharedWidth, names.shared);
  return linears;
}
