/** Takes codes out of panels, in the order of the model's rows and columns: the opposite of laying them. */
import { FormatError } from "../../base/errors.ts";
import { f16Value } from "../../tensor/float16.ts";
import { reorderColumns } from "../../tensor/group-order.ts";
import type { PackedMatrix } from "../../tensor/matrix.ts";
import { panelCount } from "../../tensor/panel.ts";
import { groupCount, naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";

/** Where codes are taken out, and what the model says of them. */
export interface UnlayPlace {
  readonly memory: Region;
  /** Names the matrix in errors. */
  readonly where: string;
  /** Columns that share a scale. Where the last group of a row is short, panels have smaller groups, of which several have the same scale. */
  readonly groupSize: number;
}

/** The whole matrix. @throws FormatError for groups that are not those of the model, and for scales that are no numbers. */
export function unlayCodes(machine: Machine, matrix: PackedMatrix, place: UnlayPlace): QuantizedMatrix {
  const { ptr, rows, cols, bits, zero, permPtr } = matrix;
  const { memory, where, groupSize } = place;
  const { arena } = machine;
  const groups = cols / matrix.groupSize;
  const cells = rows * groups;
  const codes = memory.alloc(rows * cols + 3 * cells);
  const scales = codes + rows * cols;
  const zeros = scales + 2 * cells;
  const panels = panelCount(rows);
  machine.call(`unpack_w${bits}`, panels, codes, scales, zeros, ptr, rows, cols, matrix.groupSize, zero);
  const merged = <T extends Float32Array | Uint8Array>(values: T): T =>
    values.filter((value: number, at: number) => {
      const first = at - ((at % groups) % (groupSize / matrix.groupSize));
      // A difference is no number, too, where one of both is none.
      if (value - values[first] === 0) return first === at;
      throw new FormatError(where, `found ${value}, expected the same in ${groupSize} columns`);
    }) as T;
  // Where each column of the model lies.
  const places = naturalOrder(cols);
  if (permPtr !== 0) for (const [at, column] of arena.i32(permPtr, cols).entries()) places[column] = at;
  const unlaid = {
    ...{ rows, cols, bits, groupSize, groups: groupCount(cols, groupSize), perm: naturalOrder(cols) },
    codes: reorderColumns(arena.u8(codes, rows * cols), places),
    scales: merged(Float32Array.from(arena.u16(scales, cells), f16Value)),
    zeros: merged(arena.u8(zeros, cells)),
    gIdx: places.map((at) => Math.floor(at / groupSize)),
  };
  memory.free(codes);
  return unlaid;
}
