/** Describes a model from its headers alone: sizes, parameters, bits and bytes of every linear. */
import type { TensorIndex } from "../format/tensor-index.ts";
import { meanBits } from "../policy/bit-plan.ts";
import { floatBytes } from "../tensor/lay-panels.ts";
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
  /** Columns that share a scale; null for float weights. */
  readonly groupSize: number | null;
  /** Bytes of the module's tensors on disk. */
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
  /** Parameters that compute one token: of the experts only the chosen ones, of the embedding one row. */
  readonly activeParameters: number;
  /** Bits a weight as the study counts them: the mean over attention, experts, shared and dense linears; float counts as 16. */
  readonly averageBits: number;
  /** Bytes of the weight files on disk. */
  readonly trueBytes: number;
  readonly modules: readonly ModuleFacts[];
}

export function inspectModel(files: ModelFiles): ModelFacts {
  const modules = files.linears.map(moduleFacts);
  return summarise(files.config, modules, fileBytes(files.index));
}

/** Describes a model from its configuration alone, with weights as 16-bit floats and no bytes on disk. */
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
  // A token reads one row of the embedding, and the whole matrix if it is also the head.
  if (module.role === "embedding") return config.tiedEmbeddings ? count : config.hiddenSize;
  return count;
}

function moduleFacts(linear: StoredLinear): ModuleFacts {
  const { stored } = linear;
  const bytes = stored.diskBytes + (stored.bias?.tensor.byteLength ?? 0);
  if (stored.kind !== "float") {
    const { bits = stored.bits } = stored.fileType ?? {};
    return factsOf(linear, bits, stored.groupSize, bytes);
  }
  return factsOf(linear, 8 * floatBytes(stored.dtype), null, bytes);
}

function factsOf(linear: LinearShape, bits: number, groupSize: number | null, bytes: number): ModuleFacts {
  const { name, role, layer, expert, projection, rows, cols } = linear;
  return { name, role, layer, expert, projection, shape: [rows, cols], bits, groupSize, bytes };
}

function fileBytes(index: TensorIndex): number {
  const files = new Map([...index.entries.values()].map((entry) => [entry.source.name, entry.source.size]));
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}
