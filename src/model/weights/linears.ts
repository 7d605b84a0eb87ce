/** Lists the linears of a model: their places in the network, their shapes, and their module names on disk. */

import type { BankPlace, StoredModule } from "../../format/codecs/codec.ts";
import type { LinearShape, Projection, Role } from "../../tensor/linear-shape.ts";
import type { Matrix } from "../../tensor/matrix.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type MlpNames, type ModuleNames, nameFor } from "../config/module-names.ts";

/**
 * One linear of the network. Quantising replaces `matrix` in an overlay of the tree, so that later blocks see the new weights.
 */
export interface Linear extends LinearShape {
  /** The weights. Their address is 0 while the store has not loaded them. */
  matrix: Matrix;
  /** Address of the bias, f32 [rows]; 0 for a linear without one. */
  bias: number;
}

const MLP = ["gate", "up", "down"] as const;

/** All linears in the order of the forward pass (experts by index, each with gate, up, down). */
export function modelLinears(names: ModuleNames, config: ModelConfig): readonly LinearShape[] {
  const { hiddenSize, vocabSize } = config;
  const outer = { layer: -1, expert: -1, rows: vocabSize, cols: hiddenSize };
  const linears: LinearShape[] = [{ ...outer, name: names.embedding, role: "embedding", projection: "embedding" }];
  for (let layer = 0; layer < config.layers; layer++)
    // They are pushed one by one, because tens of thousands of linears are too many arguments for one call.
    for (const linear of layerShapes(names, config, layer)) linears.push(linear);
  if (!config.tiedEmbeddings) linears.push(headShape(names, config));
  return linears;
}

/** The head, whether or not the model stores one separately from the embedding. */
export function headShape(names: ModuleNames, { vocabSize, hiddenSize }: ModelConfig): LinearShape {
  const shape = { layer: -1, expert: -1, rows: vocabSize, cols: hiddenSize };
  return { ...shape, name: names.head, role: "head", projection: "head" };
}

/** The module by which codecs find a linear. */
export function moduleOf(names: ModuleNames, linear: LinearShape): StoredModule {
  const { name, role, layer, expert, projection, rows, cols } = linear;
  const bank = banksOf(names, role)?.[projection];
  if (bank === undefined) return { name, rows, cols };
  const { tensor, parts, part, bias, alternate = false, transposed = false } = bank;
  const place: BankPlace = {
    ...{ tensor: nameFor(tensor, layer), expert, blockRows: parts * rows, firstRow: alternate ? part : part * rows },
    ...(alternate && { rowStep: parts }),
    ...(transposed && { transposed }),
    ...(bias !== undefined && { bias: nameFor(bias, layer) }),
  };
  return { name, rows, cols, bank: place };
}

function banksOf(names: ModuleNames, role: Role): ModuleNames["sharedBanks"] {
  if (role === "expert") return names.banks;
  return role === "shared" ? names.sharedBanks : undefined;
}

/** The linears of a layer's mixer: their module names, rows and columns, in the order of the forward pass. */
function mixerShapes(names: ModuleNames, config: ModelConfig, layer: number): readonly LinearShape[] {
  const { hiddenSize, heads, kvHeads, headDim, valueDim, latent, rope } = config;
  const { attention } = names;
  const mixer = config.mixers[layer];
  const shape = (projection: Projection, template: string | undefined, rows: number, cols: number): LinearShape => {
    const name = nameFor(requireName(template, "attention"), layer);
    return { name, role: "attention", layer, expert: -1, projection, rows, cols };
  };
  if (mixer === "conv")
    return [
      shape("convIn", names.conv?.convIn, 3 * hiddenSize, hiddenSize),
      shape("convOut", names.conv?.convOut, hiddenSize, hiddenSize),
    ];
  const o = shape("o", attention.o, hiddenSize, heads * valueDim);
  if (mixer === "latent" && latent !== null) {
    const { queryRank, rank, plain } = latent;
    const down = shape("kvDown", names.latent?.kvDown, rank + rope.rotaryDim, hiddenSize);
    const up = shape("kvUp", names.latent?.kvUp, heads * (plain + valueDim), rank);
    if (queryRank === null) return [shape("q", attention.q, heads * headDim, hiddenSize), down, up, o];
    const queryDown = shape("qDown", names.latent?.qDown, queryRank, hiddenSize);
    return [queryDown, down, shape("qUp", names.latent?.qUp, heads * headDim, queryRank), up, o];
  }
  return [
    shape("q", attention.q, heads * headDim, hiddenSize),
    shape("k", attention.k, kvHeads * headDim, hiddenSize),
    shape("v", attention.v, kvHeads * valueDim, hiddenSize),
    o,
  ];
}

function layerShapes(names: ModuleNames, config: ModelConfig, layer: number): readonly LinearShape[] {
  const { hiddenSize } = config;
  const linears: LinearShape[] = [...mixerShapes(names, config, layer)];
  const mlp = (role: Role, templates: MlpNames | undefined, expert: number, width: number) => {
    for (const projection of MLP) {
      const name = nameFor(requireName(templates?.[projection], role), layer, expert);
      const [rows, cols] = projection === "down" ? [hiddenSize, width] : [width, hiddenSize];
      linears.push({ name, role, layer, expert, projection, rows, cols });
    }
  };
  const single = (role: "router" | "sharedGate", template: string | undefined, rows: number) =>
    linears.push({
      ...{ name: nameFor(requireName(template, role), layer), role, layer, expert: -1, projection: role },
      ...{ rows, cols: hiddenSize },
    });
  if (!config.moeLayers[layer]) {
    mlp("dense", names.dense, -1, config.denseWidth);
    return linears;
  }
  single("router", names.router, config.experts);
  for (let expert = 0; expert < config.experts; expert++) mlp("expert", names.expert, expert, config.expertWidth);
  if (config.sharedWidth > 0) mlp("shared", names.shared, -1, config.sharedWidth);
  if (config.sharedGate) single("sharedGate", names.sharedGate, 1);
  return linears;
}

/** A family whose configuration has linears of a role must name them. If it does not, that is a bug in this library. */
function requireName(template: string | undefined, role: Role): string {
  if (template === undefined) throw new Error(`the family names no linears of the role ${role}`);
  return template;
}
