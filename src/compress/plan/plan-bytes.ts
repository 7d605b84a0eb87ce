/** Computes exact sizes of a quantised model before quantising. The weight file's size follows from names and shapes alone. */
import { UsageError } from "../../base/errors.ts";
import { gptqTensorSpecs } from "../../format/gptq/gptq-tensors.ts";
import { tensorBytes } from "../../format/safetensors.ts";
import { encodeHeader, type TensorSpec } from "../../format/safetensors-writer.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles } from "../../model/model.ts";
import { PLAN_BITS, type PlanBits } from "../../policy/bit-plan.ts";
import { isQuantizable, type LinearShape } from "../../tensor/linear-shape.ts";
import { groupCount } from "../../tensor/quantized-matrix.ts";
import { listTensors, type ModelShapes, renamed, type SourceLinear, shapesOfFiles } from "../recipe/model-shapes.ts";
import { type OuterBits, outerSettings, shapesUnder, withOuter } from "../recipe/outer-bits.ts";
import type { ModuleSetting, QuantizeSettings } from "../recipe/settings.ts";
import type { WriteOptions } from "../write/write-quantized.ts";

/** Settings by linear name. Linears without one stay as they are. */
export type ModuleSettings = ReadonlyMap<string, ModuleSetting>;

/**
 * Bytes of `model.safetensors` as `writeQuantized` writes it, header included. They depend only on bits, group sizes and the spelling
 * of names: symmetry, act-order and format version change values, not sizes.
 */
export function plannedBytes(
  files: ModelFiles,
  settings: Pick<QuantizeSettings, "modules">,
  options: Pick<WriteOptions, "names"> = {},
): number {
  return plannedBytesOf(shapesOfFiles(files), settings.modules, options.names);
}

/** The same from shapes alone. */
export function plannedBytesOf(shapes: ModelShapes, modules: ModuleSettings, spelling?: Spelling): number {
  return encodeHeader(plannedTensors(shapes, modules, spelling)).fileBytes;
}

/** Every tensor that a plan would write: names, types and shapes without data. */
export function plannedTensors(
  given: ModelShapes,
  modules: ModuleSettings,
  spelling: Spelling = given.spelling,
): readonly TensorSpec[] {
  const shapes = shapesUnder(given, modules);
  return listTensors<TensorSpec>(shapes, renamed(shapes, spelling), {
    packed: (linear, name) => {
      const setting = modules.get(linear.name);
      return setting === undefined || setting.bits === 16 ? undefined : packedSpecs(linear, name, setting);
    },
    float: (linear, _, name) => floatSpec(linear, name),
    bias: (_, __, spec) => spec,
    other: (spec) => spec,
  });
}

/** Bytes of one linear's tensors, its bias included, without the header's entries. */
export function moduleBytes(linear: SourceLinear, { bits, groupSize }: ModuleSetting): number {
  const specs = bits === 16 ? [floatSpec(linear, linear.name)] : packedSpecs(linear, linear.name, { bits, groupSize });
  const { name: module, rows, biasType } = linear;
  const bias = biasType === undefined ? 0 : tensorBytes(biasType, [rows], module);
  return specs.reduce((sum, { name, dtype, shape }) => sum + tensorBytes(dtype, shape, name), bias);
}

/** Inputs of a choice of bits: the bytes of every linear at every width, and the bytes that no choice changes. */
export interface ByteTable {
  readonly modules: readonly { readonly name: string; readonly bytes: Readonly<Record<PlanBits, number>> }[];
  /** Bytes of routers and norms, and of embedding and head at the given bits. */
  readonly fixed: number;
}

/**
 * Bytes by linear and width at one group size, with `outer` bits of embedding and head. A file consists of `fixed`, the chosen bytes, and a header: a few hundred bytes per
 * packed linear and a hundred per float one. Only `plannedBytesOf` gives the header exactly, since it contains offsets whose digits
 * grow.
 */
export function byteTable(given: ModelShapes, groupSize: number, outer: OuterBits = {}): ByteTable {
  const settings = withOuter(given, new Map(), outerSettings(outer, groupSize));
  const shapes = shapesUnder(given, settings);
  const quantizable = shapes.linears.filter(isQuantizable);
  const kept = shapes.linears.filter((linear) => !isQuantizable(linear));
  const others = shapes.others.reduce((sum, { name, dtype, shape }) => sum + tensorBytes(dtype, shape, name), 0);
  const modules = quantizable.map((linear) => {
    const bytes = PLAN_BITS.map((bits) => [bits, moduleBytes(linear, { bits, groupSize })]);
    return { name: linear.name, bytes: Object.fromEntries(bytes) as Record<PlanBits, number> };
  });
  const float: ModuleSetting = { bits: 16, groupSize: -1 };
  const fixed = kept.reduce((sum, linear) => sum + moduleBytes(linear, settings.get(linear.name) ?? float), others);
  return { modules, fixed };
}

function packedSpecs(
  { rows, cols }: LinearShape,
  name: string,
  { bits, groupSize }: ModuleSetting,
): readonly TensorSpec[] {
  const groups = groupCount(cols, groupSize);
  return gptqTensorSpecs(name, { rows, cols, groups, bits: bits as Exclude<PlanBits, 16> });
}

function floatSpec({ name: source, rows, cols, dtype }: SourceLinear, name: string): TensorSpec {
  if (dtype === "packed") throw new UsageError(source, "weights that are quantised already", "a float model");
  return { name: `${name}.weight`, dtype, shape: [rows, cols] };
}
