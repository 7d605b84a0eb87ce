/** Describes a model from its headers alone: sizes, parameters, bits and bytes of every linear. */
import type { TensorIndex } from "../format/tensor-index.ts";
import { meanBits } from "../policy/bit-plan.ts";
import { floatBytes } from "../tensor/lay-panels.ts";
import { isQuantizable, type LinearShape, type Projection, type Role } from "../tensor/linear-shape.ts";
import { panelBytes } from "../tensor/panel.ts";
import type { MixerKind, ModelConfig } from "./config/model-config.ts";
import type { ModuleNames } from "./config/module-names.ts";
import type { ModelFiles } from "./model.ts";
import { modelLinears } from "./weights/linears.ts";
import type { StoredLinear } from "./weights/locate.ts";
import { modelVectors } from "./weights/vectors.ts";

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
  /** How its weights are stored: `BF16`, `4-bit GPTQ`, `Q4_K`. */
  readonly type: string;
  /** Bytes of the module's tensors on disk. */
  readonly bytes: number;
  /** Bytes of its weights in the engine's memory. */
  readonly memoryBytes: number;
}

export interface ModelFacts {
  readonly modelType: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly experts: number;
  readonly topK: number;
  readonly sharedExperts: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Layers with latent attention, and layers with a short convolution instead of attention. */
  readonly latentLayers: number;
  readonly convLayers: number;
  /** Layers with routed experts; the others have a dense MLP. */
  readonly moeLayers: number;
  /** Longest text of the model, in tokens. */
  readonly context: number;
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
  const counted = files.linears.map((linear): Counted => {
    return { facts: moduleFacts(linear), biases: linear.stored.bias === undefined ? 0 : linear.rows };
  });
  return summarise(files, counted, fileBytes(files.index));
}

/** Describes a model from its configuration alone, with weights as 16-bit floats and no bytes on disk. */
export function inspectShapes(names: ModuleNames, config: ModelConfig): ModelFacts {
  const counted = modelLinears(names, config).map((linear): Counted => {
    const { rows, cols } = linear;
    const sizes = { bytes: rows * cols * 2, memoryBytes: panelBytes("bf16", rows, cols) };
    const facts = factsOf(linear, { bits: 16, groupSize: null, type: "BF16", ...sizes });
    return { facts, biases: config.biased.includes(linear.projection) ? linear.rows : 0 };
  });
  return summarise({ names, config }, counted, 0);
}

/** A module and the number of its biases. */
interface Counted {
  readonly facts: ModuleFacts;
  readonly biases: number;
}

function summarise(
  { names, config }: Pick<ModelFiles, "names" | "config">,
  counted: readonly Counted[],
  trueBytes: number,
): ModelFacts {
  const { modelType, layers, hiddenSize, vocabSize, experts, topK, sharedExperts, heads, kvHeads, headDim } = config;
  const modules = counted.map(({ facts }) => facts);
  const inVectors = modelVectors(names, config).reduce((sum, { length }) => sum + length, 0);
  let parameters = inVectors;
  let activeParameters = inVectors;
  for (const { facts, biases } of counted) {
    const count = facts.shape[0] * facts.shape[1] + biases;
    parameters += count;
    activeParameters += activeOf(facts, count, config);
  }
  const quantized = modules
    .filter(isQuantizable)
    .map(({ shape: [rows, cols], bits }) => ({ rows, cols, bits: Math.min(16, bits) }));
  const moeLayers = config.moeLayers.filter((isMoe) => isMoe).length;
  const layersWith = (kind: MixerKind) => config.mixers.filter((mixer) => mixer === kind).length;
  const sizes = {
    ...{ modelType, layers, hiddenSize, vocabSize, experts, topK, sharedExperts },
    ...{ heads, kvHeads, headDim, moeLayers, context: config.maxPositions },
    ...{ latentLayers: layersWith("latent"), convLayers: layersWith("conv") },
  };
  return { ...sizes, parameters, activeParameters, averageBits: meanBits(quantized), trueBytes, modules };
}

/** Of `count` parameters or bytes of a module, those that one token reads, on average over experts. */
export function activeOf(
  { role }: Pick<ModuleFacts, "role">,
  count: number,
  config: Pick<ModelConfig, "topK" | "experts" | "tiedEmbeddings" | "vocabSize">,
): number {
  if (role === "expert") return (count * config.topK) / config.experts;
  // A token reads one row of the embedding, and the whole matrix if it is also the head.
  if (role === "embedding") return config.tiedEmbeddings ? count : count / config.vocabSize;
  return count;
}

function moduleFacts(linear: StoredLinear): ModuleFacts {
  const { stored } = linear;
  const { diskBytes, fileType, memoryBytes } = stored;
  const sizes = { bytes: diskBytes + (stored.bias?.tensor.byteLength ?? 0), memoryBytes };
  if (stored.kind === "float") {
    const type = fileType?.name ?? stored.dtype.toUpperCase();
    return factsOf(linear, { bits: 8 * floatBytes(stored.dtype), groupSize: null, type, ...sizes });
  }
  const { bits = stored.bits, name: type = `${stored.bits}-bit GPTQ` } = fileType ?? {};
  return factsOf(linear, { bits, groupSize: stored.groupSize, type, ...sizes });
}

type StorageFacts = Pick<ModuleFacts, "bits" | "groupSize" | "type" | "bytes" | "memoryBytes">;

function factsOf(linear: LinearShape, storage: StorageFacts): ModuleFacts {
  const { name, role, layer, expert, projection, rows, cols } = linear;
  return { name, role, layer, expert, projection, shape: [rows, cols], ...storage };
}

function fileBytes(index: TensorIndex): number {
  const files = new Map([...index.entries.values()].map((entry) => [entry.source.name, entry.source.size]));
  return [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
}
