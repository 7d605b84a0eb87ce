/** Finds bits and groups of a GPTQ linear from the shapes of its tensors, and checks them against each other and the settings. */

import { FormatError } from "../../base/errors.ts";
import { BITS, type Bits } from "../../tensor/linear-shape.ts";
import type { DType } from "../safetensors.ts";
import { requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import { type GptqConfig, resolveModule } from "./gptq-config.ts";
import { packedWords } from "./gptq-packing.ts";

/** A linear [rows, cols], with the name of its module. */
export interface GptqModule {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
}

/** Bits of a code, and groups of a row. */
export interface GptqHeader {
  readonly bits: Bits;
  readonly groups: number;
}

export function isGptqModule(index: TensorIndex, name: string): boolean {
  return index.entries.has(`${name}.qweight`);
}

/**
 * Bits and groups of a linear, from the shapes of its tensors. If the settings give other bits or groups for this module, the error
 * names both. If they say that it is float, or nothing, the shapes decide.
 */
export function inspectGptq(index: TensorIndex, { name, rows, cols }: GptqModule, config?: GptqConfig): GptqHeader {
  const qweight = requireTensor(index, `${name}.qweight`);
  const where = `${index.name}: ${name}`;
  const bits = BITS.find((known) => qweight.shape[0] === packedWords(cols, known));
  if (bits === undefined)
    throw new FormatError(
      where,
      `found qweight [${qweight.shape.join(", ")}], expected [${cols} * bits / 32, ${rows}] with bits one of ${BITS.join(", ")}`,
    );
  const scales = requireTensor(index, `${name}.scales`);
  const groups = scales.shape[0] ?? 0;
  requireTyped(index, qweight, ["I32"], [packedWords(cols, bits), rows]);
  requireTyped(index, scales, ["F16", "BF16", "F32"], [groups, rows]);
  requireTyped(index, requireTensor(index, `${name}.qzeros`), ["I32"], [groups, packedWords(rows, bits)]);
  if (groups < 1 || groups > cols)
    throw new FormatError(where, `found ${groups} groups for ${cols} columns, expected 1 to ${cols}`);
  if (config !== undefined) checkSetting(config, name, { bits, groups, cols }, where);
  return { bits, groups };
}

function checkSetting(
  config: GptqConfig,
  name: string,
  found: GptqHeader & { readonly cols: number },
  where: string,
): void {
  const setting = resolveModule(config, name);
  if (setting === "float") return;
  if (setting.bits !== found.bits)
    throw new FormatError(
      where,
      `found tensors of ${found.bits} bits, expected ${setting.bits} as ${config.where} says`,
    );
  const groups = setting.groupSize === -1 ? 1 : Math.ceil(found.cols / setting.groupSize);
  if (groups !== found.groups)
    throw new FormatError(
      where,
      `found ${found.groups} groups a row, expected ${groups}, as ${config.where} says group_size ${setting.groupSize} for ${found.cols} columns`,
    );
}

/** @throws FormatError naming the tensor if its type or its shape differs. */
export function requireTyped(
  index: TensorIndex,
  entry: TensorEntry,
  dtypes: readonly DType[],
  shape: readonly number[],
): void {
  const where = `${index.name}: ${entry.name}`;
  if (!(dtypes as readonly string[]).includes(entry.dtype))
    throw new FormatError(where, `found dtype ${entry.dtype}, expected ${dtypes.join(" or ")}`);
  if (entry.shape.length !== shape.length || entry.shape.some((length, axis) => length !== shape[axis]))
    throw new FormatError(where, `found shape [${entry.shape.join(", ")}], expected [${shape.join(", ")}]`);
}
