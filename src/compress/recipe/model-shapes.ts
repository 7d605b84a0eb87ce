/**
 * Everything that decides the size of a written model, without its weights: the linears, the storage types of floats, and the norms.
 * Read from a checkpoint's headers, or from config.json alone.
 */
import { UnsupportedError } from "../../base/errors.ts";
import type { DType } from "../../format/safetensors.ts";
import { specOf, type TensorSpec } from "../../format/safetensors-writer.ts";
import { requireTensor } from "../../format/tensor-index.ts";
import type { Family } from "../../model/config/family.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles } from "../../model/model.ts";
import { headShape, modelLinears } from "../../model/weights/linears.ts";
import { modelVectors } from "../../model/weights/vectors.ts";
import type { PlanModule } from "../../policy/bit-plan.ts";
import { isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";

/** A linear and its storage in the source. */
export interface SourceLinear extends LinearShape {
  /** Storage type in the source; `packed` if it is quantised already. */
  readonly dtype: DType | "packed";
  /** Storage type of its bias, which is copied as it is; undefined for a linear without one. */
  readonly biasType: DType | undefined;
}

/** Everything that decides the size of a quantised file: the linears and every other tensor, without weights. */
export interface ModelShapes {
  readonly name: string;
  readonly family: Family;
  readonly config: ModelConfig;
  /** Spelling of the names below. */
  readonly spelling: Spelling;
  /** In the order of the forward pass. */
  readonly linears: readonly SourceLinear[];
  /** Norms, which are copied as they are. Other tensors in a file (old buffers, training leftovers) are not written. */
  readonly others: readonly TensorSpec[];
  /** Source of the shapes. A configuration does not state the storage type of floats, so 16 bits are assumed. */
  readonly source: "checkpoint" | "configuration";
}

/** Shapes of a checkpoint, from its headers. @throws UnsupportedError for a bundle, whose weights are not in the order of rows. */
export function shapesOfFiles(files: ModelFiles): ModelShapes {
  const { name, family, config, spelling, names, index } = files;
  if (files.linears.some(({ stored }) => stored.lying !== undefined))
    throw new UnsupportedError(name, "a bundle", ["the float model that it was made from"]);
  const linears = files.linears.map(({ stored, ...shape }): SourceLinear => {
    const biasType = stored.bias === undefined ? undefined : specOf(stored.bias.tensor).dtype;
    return { ...shape, dtype: stored.kind === "float" ? specOf(stored.tensor).dtype : "packed", biasType };
  });
  const others = modelVectors(names, config).map(({ tensor }) => specOf(requireTensor(index, tensor)));
  return { name, family, config, spelling, linears, others, source: "checkpoint" };
}

/** Shapes from a configuration alone: every float in 16 bits, with names in the hub's spelling. */
export function shapesOfConfig(name: string, family: Family, config: ModelConfig): ModelShapes {
  const dtype = "F16";
  const names = family.names.hub;
  const linears = modelLinears(names, config).map((linear): SourceLinear => {
    return { ...linear, dtype, biasType: config.biased.includes(linear.projection) ? dtype : undefined };
  });
  const others = modelVectors(names, config).map(({ tensor, length }) => {
    return { name: tensor, dtype, shape: [length] } as const;
  });
  return { name, family, config, spelling: "hub", linears, others, source: "configuration" };
}

/** The linears of blocks that are quantised, in the form that plans use. */
export function planModulesOf(shapes: ModelShapes): readonly PlanModule[] {
  return shapes.linears.filter(isQuantizable).map(({ name, role, layer, expert, projection, rows, cols }) => {
    return { name, role, layer, expert, projection, rows, cols } as PlanModule;
  });
}

/** The linears that a plan may name: those above, then embedding and head, also a head that is tied to the embedding. */
export function planModulesWithOuter(shapes: ModelShapes): readonly PlanModule[] {
  const { family, spelling, config } = shapes;
  const embedding = shapes.linears.find(({ role }) => role === "embedding") as LinearShape;
  const outer = [embedding, headShape(family.names[spelling], config)].map(
    ({ name, role, layer, expert, projection, rows, cols }) => {
      return { name, role, layer, expert, projection, rows, cols } as PlanModule;
    },
  );
  return [...planModulesOf(shapes), ...outer];
}

/** Each linear's name in the wanted spelling, by its name in the source. */
export function renamed(shapes: ModelShapes, spelling: Spelling): ReadonlyMap<string, string> {
  const wanted = modelLinears(shapes.family.names[spelling], shapes.config);
  return new Map(shapes.linears.map(({ name }, index) => [name, wanted[index].name]));
}

/** Makes each kind of tensor: as data to write, or as names and shapes to count. */
export interface TensorMaker<T> {
  /** A linear's packed tensors under its new name; undefined if it stays float. */
  packed(linear: LinearShape, name: string): readonly T[] | undefined;
  float(linear: SourceLinear, index: number, name: string): T;
  /** The bias of a linear that has one, whether its weights are packed or float. */
  bias(linear: SourceLinear, index: number, spec: TensorSpec): T;
  other(spec: TensorSpec): T;
}

/** Every tensor of a written model. */
export function listTensors<T>(shapes: ModelShapes, names: ReadonlyMap<string, string>, make: TensorMaker<T>): T[] {
  const linears = shapes.linears.flatMap((linear, index) => {
    const name = names.get(linear.name) as string;
    const weights = make.packed(linear, name) ?? [make.float(linear, index, name)];
    if (linear.biasType === undefined) return weights;
    const spec = { name: `${name}.bias`, dtype: linear.biasType, shape: [linear.rows] };
    return [...weights, make.bias(linear, index, spec)];
  });
  return [...linears, ...shapes.others.map((spec) => make.other(spec))];
}
