/**
 * What decides the size of a written model, without a weight: its linears, how floats are stored, and the norms beside them.
 * Told by a checkpoint's headers, or by config.json alone.
 */
import type { DType } from "../../format/safetensors.ts";
import { specOf, type TensorSpec } from "../../format/safetensors-writer.ts";
import { requireTensor } from "../../format/tensor-index.ts";
import type { Family } from "../../model/config/families/family.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import { normNames, type Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles } from "../../model/model.ts";
import { modelLinears } from "../../model/weights/linears.ts";
import type { PlanModule } from "../../policy/bit-plan.ts";
import { isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";

/** A linear and how the source stores it. */
export interface SourceLinear extends LinearShape {
  /** How it lies on disk as long as it is not quantised; `packed` where it is already. */
  readonly dtype: DType | "packed";
  /** The same of its bias, which is copied as it is; undefined for a linear without one. */
  readonly biasType: DType | undefined;
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
  /** Norms: they are copied as they are. Anything else in a file (old buffers, training leftovers) is left behind. */
  readonly others: readonly TensorSpec[];
  /** A configuration does not tell how floats are stored: 16 bits are taken. */
  readonly source: "checkpoint" | "configuration";
}

/** The shapes of a checkpoint, from its headers. */
export function shapesOfFiles(files: ModelFiles): ModelShapes {
  const { name, family, config, spelling, names, index } = files;
  const linears = files.linears.map(({ stored, ...shape }): SourceLinear => {
    const biasType = stored.bias === undefined ? undefined : specOf(stored.bias.tensor).dtype;
    return { ...shape, dtype: stored.kind === "packed" ? "packed" : specOf(stored.tensor).dtype, biasType };
  });
  const others = normNames(names, config.layers).map((norm) => specOf(requireTensor(index, norm)));
  return { name, family, config, spelling, linears, others, source: "checkpoint" };
}

/** The same from a configuration alone: every float in 16 bits, in the hub's spelling. */
export function shapesOfConfig(name: string, family: Family, config: ModelConfig): ModelShapes {
  const dtype = "F16";
  const names = family.names.hub;
  const linears = modelLinears(names, config).map((linear): SourceLinear => {
    return { ...linear, dtype, biasType: config.biased.includes(linear.projection) ? dtype : undefined };
  });
  const shape = [config.hiddenSize];
  const others = normNames(names, config.layers).map((norm) => ({ name: norm, dtype, shape }) as const);
  return { name, family, config, spelling: "hub", linears, others, source: "configuration" };
}

/** The quantisable linears as plans speak of them. */
export function planModulesOf(shapes: ModelShapes): readonly PlanModule[] {
  return shapes.linears.filter(isQuantizable).map(({ name, role, layer, expert, projection, rows, cols }) => {
    return { name, role, layer, expert, projection, rows, cols } as PlanModule;
  });
}

/** Each linear's name in the wanted spelling, by its name in the source. */
export function renamed(shapes: ModelShapes, spelling: Spelling): ReadonlyMap<string, string> {
  const wanted = modelLinears(shapes.family.names[spelling], shapes.config);
  return new Map(shapes.linears.map(({ name }, index) => [name, wanted[index].name]));
}

/** How each kind of tensor is made: as data to write, or as names and shapes to count. */
export interface TensorMaker<T> {
  /** A linear's packed tensors under its new name; undefined where it stays float. */
  packed(linear: LinearShape, name: string): readonly T[] | undefined;
  float(linear: SourceLinear, index: number, name: string): T;
  /** The bias of a linear that has one, whatever becomes of its weights. */
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
