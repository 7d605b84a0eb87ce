/** What a model is, from its headers alone: sizes, parameters, bits and bytes of every linear. */
import type { TensorIndex } from "../format/safetensors.ts";
import { meanBits } from "../policy/bit-plan.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { ModelFiles } from "./model.ts";
import { isQuantizable, type Slot } from "./weights/linears.ts";
import type { Placement } from "./weights/locate.ts";

export interface ModuleFacts {
  readonly name: string;
  readonly role: Slot["role"];
  readonly layer: number;
  readonly expert: number;
  readonly projection: Slot["projection"];
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
  const modules = files.placements.map((placement) => moduleFacts(files.index, placement));
  return summarise(files.config, modules, fileBytes(files.index));
}

/** The same from a configuration alone: weights as 16-bit floats, nothing on disk. */
export function inspectShapes(config: ModelConfig, slots: readonly Slot[]): ModelFacts {
  const modules = slots.map((slot) => factsOf(slot, 16, null, slot.rows * slot.cols * 2));
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

function moduleFacts(index: TensorIndex, placement: Placement): ModuleFacts {
  const { slot } = placement;
  if (placement.kind === "packed") {
    const parts = ["qweight", "qzeros", "scales", "g_idx"].map((part) => index.entries.get(`${slot.name}.${part}`));
    const bytes = parts.reduce((sum, entry) => sum + (entry?.byteLength ?? 0), 0);
    return factsOf(slot, placement.bits, placement.groupSize, bytes);
  }
  const bytes = placement.dtype === "f32" ? 4 : 2;
  return factsOf(slot, bytes * 8, null, slot.rows * slot.cols * bytes);
}

function factsOf(slot: Slot, bits: number, groupSize: number | null, bytes: number): ModuleFacts {
  const { name, role, layer, expert, projection, rows, cols } = slot;
  return { name, role, layer, expert, projection, shape: [rows, cols], bits, groupSize, bytes };
}

function fileBytes(index: TensorIndex): number {
  const files = new Map([...index.entries.values()].map((entry) => [entry.source.name, entry.source.size]));
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}
