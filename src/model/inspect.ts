/** What a model is, from its headers alone: sizes, parameters, bits and bytes of every linear. */
import type { TensorIndex } from "../format/safetensors.ts";
import { meanBits } from "../policy/bit-plan.ts";
import { isQuantizable, type LinearShape, type Projection, type Role } from "../tensor/linear-shape.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { ModelFiles } from "./model.ts";
import type { StoredLinear } from "./weights/locate.ts";

export interface ModuleFacts {
  readonly name: string;
  readonly role: Role;
  readonly layer: number;
  readonly expert: number;
  readonly projection: Projection;
  readonly shape: readonly [number, number];
  readonly bits: number;
  /** null for float weights. */
  readonly groupSize: number | null;
  /** Of its tensors on disk. */
  readonly bytes: number;
}

export interface ModelFacts {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly experts: number;
  readonly topK: number;
  readonly sharedExperts: number;
  readonly parameters: number;
  /** Parameters that one token meets: the chosen experts only, and one row of the embedding. */
  readonly activeParameters: number;
  /** As the study counts: bits times weights over attention, experts, shared and dense linears; float counts as 16. */
  readonly averageBits: number;
  /** Weight files on disk. */
  readonly trueBytes: number;
  readonly modules: readonly ModuleFacts[];
}

export function inspectModel(files: ModelFiles): ModelFacts {
  const modules = files.linears.map((linear) => moduleFacts(files.index, linear));
  return summarise(files.config, modules, fileBytes(files.index));
}

/** The same from a configuration alone: weights as 16-bit floats, nothing on disk. */
export function inspectShapes(config: ModelConfig, linears: readonly LinearShape[]): ModelFacts {
  const modules = linears.map((linear) => factsOf(linear, 16, null, linear.rows * linear.cols * 2));
  return summarise(config, modules, 0);
}

function summarise(config: ModelConfig, modules: readonly ModuleFacts[], trueBytes: number): ModelFacts {
  const { modelType, layers, hiddenSize, vocabSize, experts, topK, sharedExperts } = config;
  const norms = (2 * layers + 1) * hiddenSize;
  let parameters = norms;
  let activeParameters = norms;
  for (const module of modules) {
    const count = module.shape[0] * module.shape[1];
    parameters += count;
    activeParameters += activeOf(module, count, config);
  }
  const quantized = modules
    .filter(isQuantizable)
    .map(({ shape: [rows, cols], bits }) => ({ rows, cols, bits: Math.min(16, bits) }));
  const sizes = { modelType, layers, hiddenSize, vocabSize, experts, topK, sharedExperts };
  return { ...sizes, parameters, activeParameters, averageBits: meanBits(quantized), trueBytes, modules };
}

function activeOf(module: ModuleFacts, count: number, config: ModelConfig): number {
  if (module.role === "expert") return (count * config.topK) / config.experts;
  // The embedding is one row a token, and the whole matrix where it is the head as well.
  if (module.role === "embedding") return config.tiedEmbeddings ? count : config.hiddenSize;
  return count;
}

function moduleFacts(index: TensorIndex, linear: StoredLinear): ModuleFacts {
  const { stored } = linear;
  if (stored.kind === "packed") {
    const parts = ["qweight", "qzeros", "scales", "g_idx"].map((part) => index.entries.get(`${linear.name}.${part}`));
    const bytes = parts.reduce((sum, entry) => sum + (entry?.byteLength ?? 0), 0);
    return factsOf(linear, stored.bits, stored.groupSize, bytes);
  }
  const bytes = stored.dtype === "f32" ? 4 : 2;
  return factsOf(linear, bytes * 8, null, linear.rows * linear.cols * bytes);
}

function factsOf(linear: LinearShape, bits: number, groupSize: number | null, bytes: number): ModuleFacts {
  const { name, role, layer, expert, projection, rows, cols } = linear;
  return { name, role, layer, expert, projection, shape: [rows, cols], bits, groupSize, bytes };
}

function fileBytes(index: TensorIndex): number {
  const files = new Map([...index.entries.values()].map((entry) => [entry.source.name, entry.source.size]));
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}
