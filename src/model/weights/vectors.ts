/**
 * Lists the vectors of a model: the weights of its norms, biases of routers, sinks of attention and filters of convolutions, with their places
 * in the network, lengths and tensor names on disk.
 */

import type { ModelConfig } from "../config/model-config.ts";
import { type ModuleNames, nameFor } from "../config/module-names.ts";

/**
 * What a vector is for. Attention and MLP (or experts) of a block each begin with a norm. Queries and keys, or the latents of both, may
 * have one. `filter` [taps, D] and `filterBias` [D] belong to convolutions.
 */
export type VectorKind =
  | "normAttention"
  | "normMlp"
  | "normQuery"
  | "normKey"
  | "normFinal"
  | "routerBias"
  | "sinks"
  | "filter"
  | "filterBias";

export interface VectorShape {
  readonly kind: VectorKind;
  /** -1 for the final norm. */
  readonly layer: number;
  /** Name of its tensor in the checkpoint. */
  readonly tensor: string;
  readonly length: number;
  /** Shapes that the tensor may have. Default: [length]. */
  readonly shapes?: readonly (readonly number[])[];
  /** Number of values of each column, which lie together on disk, while all columns of one value lie together in memory. */
  readonly perColumn?: number;
}

/** All vectors, layer by layer; the final norm comes last. */
export function modelVectors(names: ModuleNames, config: ModelConfig): readonly VectorShape[] {
  const layers = Array.from({ length: config.layers }, (_, layer) => layerVectors(names, config, layer));
  return [...layers.flat(), weight("normFinal", -1, names.finalNorm, config.hiddenSize)];
}

function layerVectors(names: ModuleNames, config: ModelConfig, layer: number): readonly VectorShape[] {
  const { hiddenSize, experts } = config;
  const vectors = [
    weight("normAttention", layer, names.attentionNorm, hiddenSize),
    weight("normMlp", layer, names.mlpNorm, hiddenSize),
    ...mixerVectors(names, config, layer),
  ];
  if (!config.moeLayers[layer] || config.router.choice?.biased !== true) return vectors;
  const shapes = [[experts], [1, experts]];
  return [...vectors, { ...vector("routerBias", layer, names.routerBias, experts), shapes }];
}

function mixerVectors(names: ModuleNames, config: ModelConfig, layer: number): readonly VectorShape[] {
  const { heads, kvHeads, headDim, qkNorm, latent, conv, hiddenSize, sinks } = config;
  const mixer = config.mixers[layer];
  if (mixer === "conv" && conv !== null) {
    const shape = { shapes: [[hiddenSize, 1, conv.taps]], perColumn: conv.taps };
    const filter = { ...weight("filter", layer, names.conv?.filter, hiddenSize * conv.taps), ...shape };
    if (!conv.biased) return [filter];
    return [filter, vector("filterBias", layer, `${names.conv?.filter}.bias`, hiddenSize)];
  }
  if (mixer === "latent" && latent !== null) {
    const key = weight("normKey", layer, names.latent?.latentNorm, latent.rank);
    if (latent.queryRank === null) return [key];
    return [key, weight("normQuery", layer, names.latent?.queryNorm, latent.queryRank)];
  }
  const width = (count: number) => (qkNorm === "head" ? 1 : count) * headDim;
  const norms = [
    weight("normQuery", layer, names.queryNorm, width(heads)),
    weight("normKey", layer, names.keyNorm, width(kvHeads)),
  ];
  return [...(qkNorm === "none" ? [] : norms), ...(sinks ? [vector("sinks", layer, names.sinks, heads)] : [])];
}

/** The vector `MODULE.weight`. */
function weight(kind: VectorKind, layer: number, template: string | undefined, length: number): VectorShape {
  return vector(kind, layer, template === undefined ? undefined : `${template}.weight`, length);
}

function vector(kind: VectorKind, layer: number, template: string | undefined, length: number): VectorShape {
  // A family whose configuration has such a vector must name it. If it does not, that is a bug in this library.
  if (template === undefined) throw new Error(`the family names no vector of the kind ${kind}`);
  return { kind, layer, tensor: nameFor(template, layer), length };
}
