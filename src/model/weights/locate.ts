/** Finds each linear of a model in its checkpoint, whatever codec stores it. Reads headers only. */
import { FormatError, UnsupportedError, UsageError } from "../../base/errors.ts";
import type { Codec, StoredMatrix } from "../../format/codecs/codec.ts";
import { codecOf } from "../../format/codecs/open-codecs.ts";
import { requireTensor, type TensorIndex } from "../../format/tensor-index.ts";
import { isPackable, type LinearShape } from "../../tensor/linear-shape.ts";
import type { Family } from "../config/family.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type ModuleNames, nameFor, SPELLINGS, type Spelling } from "../config/module-names.ts";
import { headShape, modelLinears, moduleOf } from "./linears.ts";

/** A linear and how its weights are stored. */
export interface StoredLinear extends LinearShape {
  readonly stored: StoredMatrix;
}

/** The tensors of a checkpoint, and the codecs that read linears from them. */
export interface StoredTensors {
  readonly index: TensorIndex;
  readonly codecs: readonly Codec[];
}

/** Detects the spelling of the checkpoint by its first router (experts in shared tensors only occur in transformers' spelling). */
export function detectSpelling({ index, codecs }: StoredTensors, family: Family, config: ModelConfig): Spelling {
  const layer = config.moeLayers.indexOf(true);
  if (layer < 0) return "hub";
  const holdsRouter = (spelling: Spelling) => {
    const { router, routerBias } = family.names[spelling];
    if (config.router.choice?.biased === true && routerBias !== undefined)
      return index.entries.has(nameFor(routerBias, layer));
    const name = nameFor(router, layer);
    return codecs.some((codec) => codec.holds({ name, rows: config.experts, cols: config.hiddenSize }));
  };
  return SPELLINGS.find(holdsRouter) ?? "hub";
}

/**
 * Whether the embedding is also the head. As in transformers 5, a head in the file is used even if the configuration ties it.
 * If the file has no head and the configuration does not tie it, the model is refused: logits from the embedding would be wrong.
 */
export function isHeadTied(
  { index, codecs }: StoredTensors,
  names: ModuleNames,
  config: ModelConfig,
  where: string,
): boolean {
  const head = moduleOf(names, headShape(names, config));
  if (codecs.some((each) => each.holds(head))) return false;
  const other = [...index.entries.keys()].filter((name) => name.startsWith(`${head.name}.`));
  if (config.tiedEmbeddings && other.length === 0) return true;
  const found = other.length === 0 ? "" : ` but ${other.join(", ")}`;
  const ties = config.tiedEmbeddings ? "" : `, since ${where} does not tie the head (tie_word_embeddings: true)`;
  throw new FormatError(index.name, `found no tensor "${head.name}.weight"${found}, expected one${ties}`);
}

/**
 * Finds every linear in the checkpoint, in the order of the forward pass.
 * @throws FormatError, ShapeError or UnsupportedError naming the tensor that is missing or wrong.
 */
export function locateAll(checkpoint: StoredTensors, names: ModuleNames, config: ModelConfig): readonly StoredLinear[] {
  return modelLinears(names, config).map((linear) => ({
    ...linear,
    stored: locate(checkpoint, names, config, linear),
  }));
}

function locate(
  { index, codecs }: StoredTensors,
  names: ModuleNames,
  config: ModelConfig,
  linear: LinearShape,
): StoredMatrix {
  const { name, role, projection } = linear;
  const module = moduleOf(names, linear);
  const codec = codecOf(codecs, index, module);
  if (codec.packs && !isPackable(linear))
    throw new UnsupportedError(`${index.name}: ${name}`, `a quantised ${role}`, [`a float ${role}`]);
  // A shared tensor has the biases of all experts in one more tensor.
  const biasName =
    codec.isBank?.(module) === true && module.bank?.bias !== undefined ? module.bank.bias : `${name}.bias`;
  if (config.needsBiases && config.biased.includes(projection)) requireTensor(index, biasName);
  const isForeign = index.entries.has(biasName) && !config.biased.includes(projection);
  if (isForeign && !codec.packs)
    throw new UnsupportedError(`${index.name}: ${biasName}`, "a bias", ["linears without one"]);
  const stored = codec.locate(module);
  return isForeign ? withoutBias(stored, `${index.name}: ${biasName}`) : stored;
}

/** AutoGPTQ wrote biases of zeros for linears that have none. Loading checks that the values are zeros, since nothing adds them. */
function withoutBias(stored: StoredMatrix, where: string): StoredMatrix {
  const lay: StoredMatrix["lay"] = async (bench, address) => {
    const bias = await stored.bias?.read();
    if (bias?.some((value) => value !== 0))
      throw new UnsupportedError(where, "a bias with values other than zero", ["linears without one"]);
    return stored.lay(bench, address);
  };
  return { ...stored, bias: undefined, lay };
}

/** The weights [rows, cols] of a float linear as f32, exact. @throws UsageError for a quantised linear. */
export async function readWeights({ name, rows, stored }: StoredLinear): Promise<Float32Array> {
  if (stored.kind !== "float") throw new UsageError(name, "weights that are quantised already", "a float model");
  return stored.readRows(0, rows);
}

const byName = new WeakMap<readonly StoredLinear[], ReadonlyMap<string, StoredLinear>>();

/** The linear called `name`. @throws UsageError if there is none. */
export function linearNamed({ linears }: { readonly linears: readonly StoredLinear[] }, name: string): StoredLinear {
  const known = byName.get(linears) ?? new Map(linears.map((linear) => [linear.name, linear]));
  byName.set(linears, known);
  const linear = known.get(name);
  if (linear === undefined) throw new UsageError("linear", name, "the name of a linear of the model");
  return linear;
}
