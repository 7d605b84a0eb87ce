/**
 * What decides the size of a written model, without a weight: its linears, how floats are stored, and the norms beside them.
 * Told by a checkpoint's headers, or by config.json alone.
 */
import type { DType, TensorEntry } from "../../format/safetensors.ts";
import type { TensorSpec } from "../../format/safetensors-writer.ts";
import type { Family, Spelling } from "../../model/config/families/family.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { ModelFiles } from "../../model/model.ts";
import { layerPrefix, modelLinears } from "../../model/weights/linears.ts";
import type { PlanModule } from "../../policy/bit-plan.ts";
import { isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";

/** A linear and how the source stores its weights. */
export interface SourceLinear extends LinearShape {
  /** How it lies on disk as long as it is not quantised; `packed` where it is already. */
  readonly dtype: DType | "packed";
}

/** All that the size of a quantised file follows from: the linears and every other tensor, with no weights. */
export interface ModelShapes {
  readonly name: string;
  readonly family: Family;
  readonly config: ModelConfig;
  /** Of the names below. */
  readonly spelling: Spelling;
  /** In the order in which the forward pass meets them. */
  readonly linears: readonly SourceLinear[];
  /** Norms: they are copied as they are. */
  readonly others: readonly TensorSpec[];
  /** A configuration does not tell how floats are stored: 16 bits are taken. */
  readonly source: "checkpoint" | "configuration";
}

/** The shapes of a checkpoint, from its headers. */
export function shapesOfFiles(files: ModelFiles): ModelShapes {
  const { name, family, config, spelling, index } = files;
  const linears = files.linears.map(({ stored, ...shape }): SourceLinear => {
    return { ...shape, dtype: stored.kind === "packed" ? "packed" : stored.entry.dtype };
  });
  return {
    name,
    family,
    config,
    spelling,
    linears,
    others: norms(files, index.entries.values()),
    source: "checkpoint",
  };
}

/** The same from a configuration alone: every float in 16 bits, in the hub's spelling. */
export function shapesOfConfig(name: string, family: Family, config: ModelConfig): ModelShapes {
  const dtype = "F16";
  const shape = [config.hiddenSize];
  const layers = Array.from({ length: config.layers }, (_, layer) => layerPrefix(layer));
  const places = layers.flatMap((prefix) => [`${prefix}input_layernorm`, `${prefix}post_attention_layernorm`]);
  return {
    ...{ name, family, config, spelling: "hub", source: "configuration" },
    linears: modelLinears(family, config, "hub").map((linear) => ({ ...linear, dtype })),
    others: [...places, "model.norm"].map((place) => ({ name: `${place}.weight`, dtype, shape })),
  };
}

/** The quantisable linears as plans speak of them. */
export function planModulesOf(shapes: ModelShapes): readonly PlanModule[] {
  return shapes.linears.filter(isQuantizable).map(({ name, role, layer, expert, projection, rows, cols }) => {
    return { name, role, layer, expert, projection, rows, cols } as PlanModule;
  });
}

/** Each linear's name in the wanted spelling, by its name in the source. */
export function renamed(shapes: ModelShapes, spelling: Spelling): ReadonlyMap<string, string> {
  const wanted = modelLinears(shapes.family, shapes.config, spelling);
  return new Map(shapes.linears.map(({ name }, index) => [name, wanted[index].name]));
}

/** How each kind of tensor is made: as data to write, or as names and shapes to count. */
export interface TensorMaker<T> {
  /** A linear's packed tensors under its new name; undefined where it stays float. */
  packed(linear: LinearShape, name: string): readonly T[] | undefined;
  float(linear: SourceLinear, index: number, name: string): T;
  other(spec: TensorSpec): T;
}

/** Every tensor of a written model. */
export function listTensors<T>(shapes: ModelShapes, names: ReadonlyMap<string, string>, make: TensorMaker<T>): T[] {
  const linears = shapes.linears.flatMap((linear, index) => {
    const name = names.get(linear.name) as string;
    return make.packed(linear, name) ?? [make.float(linear, index, name)];
  });
  return [...linears, ...shapes.others.map((spec) => make.other(spec))];
}

/** What the forward pass reads beside linears; anything else in the file (old buffers, training leftovers) is left behind. */
function norms(files: ModelFiles, entries: Iterable<TensorEntry>): readonly TensorEntry[] {
  const taken = new Set(files.linears.map(({ stored }) => (stored.kind === "float" ? stored.entry : undefined)));
  return [...entries].filter((entry) => !taken.has(entry) && entry.name.endsWith("norm.weight"));
}
