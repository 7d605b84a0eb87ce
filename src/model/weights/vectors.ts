/** Lists the vectors of a model, which are the weights of its norms: their places in the network, lengths and tensor names on disk. */

import type { ModelConfig } from "../config/model-config.ts";
import { type ModuleNames, nameFor } from "../config/module-names.ts";

/** What a vector is for. Attention and MLP (or experts) of a block each begin with a norm; queries and keys may have one. */
export type VectorKind = "normAttention" | "normMlp" | "normQuery" | "normKey" | "normFinal";

export interface VectorShape {
  readonly kind: VectorKind;
  /** -1 for the final norm. */
  readonly layer: number;
  /** Name of its tensor in the checkpoint. */
  readonly tensor: string;
  readonly length: number;
}

/** All vectors, layer by layer; the final norm comes last. */
export function modelVectors(names: ModuleNames, config: ModelConfig): readonly VectorShape[] {
  const layers = Array.from({ length: config.layers }, (_, layer) => layerVectors(names, config, layer));
  return [...layers.flat(), vector("normFinal", -1, names.finalNorm, config.hiddenSize)];
}

function layerVectors(names: ModuleNames, config: ModelConfig, layer: number): readonly VectorShape[] {
  const { hiddenSize, heads, kvHeads, headDim, qkNorm } = config;
  const vectors = [
    vector("normAttention", layer, names.attentionNorm, hiddenSize),
    vector("normMlp", layer, names.mlpNorm, hiddenSize),
  ];
  if (qkNorm === "none") return vectors;
  const width = (count: number) => (qkNorm === "head" ? 1 : count) * headDim;
  return [
    ...vectors,
    vector("normQuery", layer, names.queryNorm, width(heads)),
    vector("normKey", layer, names.keyNorm, width(kvHeads)),
  ];
}

function vector(kind: VectorKind, layer: number, template: string, length: number): VectorShape {
  return { kind, layer, tensor: `${nameFor(template, layer)}.weight`, length };
}
