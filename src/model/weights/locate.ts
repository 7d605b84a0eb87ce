/** Finds each linear of a model in its checkpoint: which tensor, which rows of it, how it is stored. Reads headers only. */
import { FormatError, ShapeError, UnsupportedError } from "../../base/errors.ts";
import type { GptqConfig } from "../../format/gptq/gptq-config.ts";
import { inspectGptq, isGptqModule } from "../../format/gptq/gptq-tensors.ts";
import { requireTensor, type TensorEntry, type TensorIndex } from "../../format/safetensors.ts";
import { type Bits, isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import { panelBytes } from "../../tensor/panel.ts";
import { type Family, SPELLINGS, type Spelling } from "../config/families/family.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { layerPrefix, modelLinears } from "./linears.ts";

/** How a linear lies on disk. */
export type StoredMatrix =
  | { readonly kind: "float"; readonly entry: TensorEntry; readonly rowOffset: number; readonly dtype: FloatDType }
  | { readonly kind: "packed"; readonly bits: Bits; readonly groupSize: number };

/** A linear and where its weights are. */
export interface StoredLinear extends LinearShape {
  readonly stored: StoredMatrix;
}

const FLOAT_DTYPES: Readonly<Record<string, FloatDType>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/** The spelling that the checkpoint uses, told by its first router (fused experts come with transformers' own names). */
function detectSpelling(index: TensorIndex, family: Family, config: ModelConfig): Spelling {
  const layer = config.moeLayers.indexOf(true);
  if (layer < 0) return "hub";
  const has = (spelling: Spelling) => index.entries.has(`${layerPrefix(layer)}${family.names[spelling].router}.weight`);
  return SPELLINGS.find(has) ?? "hub";
}

/**
 * Whether the embedding serves as the head. As in transformers 5, a head of the file's own is used even where the configuration ties
 * it; a head that neither the file nor the configuration gives is refused, since logits from the embedding would be wrong.
 */
export function isHeadTied(index: TensorIndex, config: ModelConfig, where: string): boolean {
  if (index.entries.has("lm_head.weight")) return false;
  const other = [...index.entries.keys()].filter((name) => name.startsWith("lm_head."));
  if (isGptqModule(index, "lm_head"))
    throw new UnsupportedError(`${index.name}: lm_head`, "a quantised head", ["a float head, lm_head.weight"]);
  if (config.tiedEmbeddings && other.length === 0) return true;
  const found = other.length === 0 ? "" : ` but ${other.join(", ")}`;
  const ties = config.tiedEmbeddings ? "" : `, since ${where} does not tie the head (tie_word_embeddings: true)`;
  throw new FormatError(index.name, `found no tensor "lm_head.weight"${found}, expected one${ties}`);
}

/** Every linear with its place in the checkpoint, in the order in which the forward pass meets them. @throws FormatError or ShapeError naming the tensor that is missing or odd. */
export function locateAll(
  index: TensorIndex,
  family: Family,
  config: ModelConfig,
  gptq: GptqConfig | undefined,
): { spelling: Spelling; linears: readonly StoredLinear[] } {
  const spelling = detectSpelling(index, family, config);
  const linears = modelLinears(family, config, spelling).map((linear) => ({
    ...linear,
    stored: locate(index, linear, gptq),
  }));
  return { spelling, linears };
}

/** Bytes of the linear in the engine's memory. */
export function placedBytes({ rows, cols, stored }: StoredLinear): number {
  if (stored.kind === "float") return panelBytes(stored.dtype, rows, cols);
  return panelBytes(`w${stored.bits}`, rows, cols, stored.groupSize);
}

function locate(index: TensorIndex, linear: LinearShape, gptq: GptqConfig | undefined): StoredMatrix {
  if (index.entries.has(`${linear.name}.bias`))
    throw new UnsupportedError(`${index.name}: ${linear.name}.bias`, "a bias", ["linears without one"]);
  if (isGptqModule(index, linear.name)) return locatePacked(index, linear, gptq);
  if (linear.role === "expert") {
    const fused = locateFused(index, linear);
    if (fused !== undefined) return fused;
  }
  const entry = requireTensor(index, `${linear.name}.weight`);
  requireShape(index, entry, [linear.rows, linear.cols]);
  return { kind: "float", entry, rowOffset: 0, dtype: floatDType(index, entry) };
}

function locatePacked(index: TensorIndex, linear: LinearShape, gptq: GptqConfig | undefined): StoredMatrix {
  const where = `${index.name}: ${linear.name}`;
  if (!isQuantizable(linear))
    throw new UnsupportedError(where, `a quantised ${linear.role}`, [`a float ${linear.role}`]);
  const { bits, G } = inspectGptq(index, linear.name, linear.rows, linear.cols, gptq);
  const groupSize = linear.cols / G;
  if (!Number.isInteger(groupSize) || groupSize % 32 !== 0)
    throw new UnsupportedError(where, `${G} groups over ${linear.cols} columns`, [
      "groups of a multiple of 32 columns",
    ]);
  return { kind: "packed", bits, groupSize };
}

/** Experts as transformers 5 keeps them in memory: `gate_up_proj` [E, 2F, D] (gate rows first) and `down_proj` [E, D, F]. */
function locateFused(index: TensorIndex, linear: LinearShape): StoredMatrix | undefined {
  const isDown = linear.projection === "down";
  const name = `${layerPrefix(linear.layer)}mlp.experts.${isDown ? "down_proj" : "gate_up_proj"}`;
  const entry = index.entries.get(name);
  if (entry === undefined) return undefined;
  const blockRows = isDown ? linear.rows : 2 * linear.rows;
  requireShape(index, entry, [entry.shape[0], blockRows, linear.cols]);
  if (linear.expert >= entry.shape[0])
    throw new FormatError(
      `${index.name}: ${name}`,
      `found ${entry.shape[0]} experts, expected more than ${linear.expert}`,
    );
  const rowOffset = linear.expert * blockRows + (linear.projection === "up" ? linear.rows : 0);
  return { kind: "float", entry, rowOffset, dtype: floatDType(index, entry) };
}

export function requireShape(index: TensorIndex, entry: TensorEntry, shape: readonly number[]): void {
  if (entry.shape.length !== shape.length || entry.shape.some((size, axis) => size !== shape[axis]))
    throw new ShapeError(`${index.name}: tensor ${entry.name}`, shape, entry.shape);
}

export function floatDType(index: TensorIndex, entry: TensorEntry): FloatDType {
  const dtype = FLOAT_DTYPES[entry.dtype];
  if (dtype !== undefined) return dtype;
  throw new UnsupportedError(`${index.name}: tensor ${entry.name}: dtype`, entry.dtype, Object.keys(FLOAT_DTYPES));
}
