/** Describes a model from its headers alone: sizes, parameters, bits and bytes of every linear. */
import type { TensorIndex } from "../format/tensor-index.ts";
import { meanBits } from "../policy/bit-plan.ts";
import { floatBytes } from "../tensor/lay-panels.ts";
import { isQuantizable, type LinearShape, type Projection, type Role } from "../tensor/linear-shape.ts";
import type { ModelConfig } from "./config/model-config.ts";
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
  const counted = files.linears.map((linear): Counted => {
    return { facts: moduleFacts(linear), biases: linear.stored.bias === undefined ? 0 : linear.rows };
  });
  return summarise(files, counted, fileBytes(files.index));
}

/** Describes a model from its configuration alone, with weights as 16-bit floats and no bytes on disk. */
export function inspectShapes(names: ModuleNames, config: ModelConfig): ModelFacts {
  const counted = modelLinears(names, config).map((linear): Counted => {
    const facts = factsOf(linear, 16, null, linear.rows * linear.cols * 2);
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
  const { modelType, layers, hiddenSize, vocabSize, experts, topK, sharedExperts } = config;
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
