/** The linears whose speed the kernels' benchmark measures, each laid out in memory beyond the caches. */
import { type Activations, type Emit, WordPool } from "../../nn/emit.ts";
import { preparedBytes, project } from "../../nn/linear.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { type FloatDType, type Matrix, stride } from "../../tensor/matrix.ts";
import { OWN_ZEROS, panelBytes } from "../../tensor/panel.ts";
import type { DotForm } from "../../wasm/dot-form.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";
import { type Ceiling, ceilingOfCodes } from "../ceilings.ts";

/** A linear [4096, 4096] with `rows` input rows. */
export interface LinearRow {
  /** Such as `w4/128 int8/32 x1`: weights and their group, arithmetic and its group, input rows. */
  readonly test: string;
  readonly weights: Bits | FloatDType;
  readonly groupSize: number;
  readonly activations: Activations;
  readonly rows: number;
  readonly ceiling: Ceiling;
}

/** Rows and columns of the linears. */
const SIZE = 4096;
const PLAIN: Activations = { mode: "f32", group: 32 };

/** One row reads its weights from memory; 64 rows are limited by arithmetic. */
export function linearRows(dots: DotForm, size: number = SIZE): readonly LinearRow[] {
  const code = (bits: Bits, groupSize: number, group: 32 | "weight", rows: number): LinearRow => {
    const activations: Activations = { mode: "int8", group };
    const columns = group === "weight" ? Math.min(groupSize, 128) : group;
    const test = `w${bits}/${groupSize} int8/${columns} ${size}x${size} x${rows}`;
    return {
      test,
      weights: bits,
      groupSize,
      activations,
      rows,
      ceiling: rows === 1 ? "read" : ceilingOfCodes(dots, bits),
    };
  };
  const float = (dtype: FloatDType, rows: number): LinearRow => {
    const test = `${dtype} ${size}x${size} x${rows}`;
    const ceiling = rows === 1 ? "read" : "f32";
    return { test, weights: dtype, groupSize: size, activations: PLAIN, rows, ceiling };
  };
  return [
    ...([4, 8, 3, 2] as const).map((bits) => code(bits, 128, "weight", 1)),
    ...([4, 8, 3, 2] as const).map((bits) => code(bits, 32, 32, 1)),
    ...(["f32", "f16", "bf16"] as const).map((dtype) => float(dtype, 1)),
    ...[2, 4, 8, 16, 64].map((rows) => code(4, 128, "weight", rows)),
    ...[16, 64].map((rows) => code(4, 32, 32, rows)),
    code(8, 128, "weight", 64),
    ...(["f32", "f16", "bf16"] as const).map((dtype) => float(dtype, 64)),
  ];
}

/** The zero of all weights, as in symmetric grids. */
function middleOf(weights: LinearRow["weights"]): number {
  return typeof weights === "number" ? 2 ** (weights - 1) : OWN_ZEROS;
}

/** Bytes of the weights of a row, and operations of one call. */
export function linearWork(
  { weights, groupSize, rows }: LinearRow,
  size: number = SIZE,
): { readonly bytes: number; readonly operations: number } {
  const type = typeof weights === "number" ? (`w${weights}` as const) : weights;
  return {
    bytes: panelBytes(type, size, size, { groupSize, zero: middleOf(weights) }),
    operations: 2 * size * size * rows,
  };
}

/**
 * Copies of a linear in `streamBytes` bytes, each on a tape of its own: played in turn, each call reads its weights from memory, not from
 * a cache. `memory` owns them.
 */
export function layLinears(
  machine: Machine,
  memory: Region,
  row: LinearRow,
  { streamBytes, size = SIZE }: { readonly streamBytes: number; readonly size?: number },
): readonly Tape[] {
  const { bytes } = linearWork(row, size);
  const copies = Math.max(1, Math.floor(streamBytes / bytes));
  const stream = memory.alloc(copies * bytes);
  // No kernel's time depends on the values of weights. These bytes are codes, scales and floats of ordinary size.
  machine.arena.u8(stream, copies * bytes).fill(0x2a);
  const sizes = preparedBytes(row.rows, size);
  const prepared = {
    records: memory.alloc(sizes.records),
    rounded: memory.alloc(sizes.rounded),
    gathered: memory.alloc(sizes.rounded),
  };
  const x = memory.alloc(4 * row.rows * stride(size));
  machine.arena.f32(x, row.rows * stride(size)).fill(0.5);
  const input = { ptr: x, ld: stride(size), rows: row.rows, cols: size };
  const out = memory.alloc(4 * row.rows * stride(size));
  const pool = new WordPool(machine, memory, 64 + 16 * copies);
  return Array.from({ length: copies }, (_, copy) => {
    const emit: Emit = { machine, tape: machine.tape(), pool, activations: row.activations, prepared };
    const matrix = matrixOf(row, stream + copy * bytes, size);
    const targets = [{ matrix, span: pool.intern([0, row.rows]), out }];
    project(emit, { input, index: 0, targets, rows: row.rows });
    return emit.tape;
  });
}

function matrixOf({ weights, groupSize }: LinearRow, ptr: number, size: number): Matrix {
  const shape = { ptr, rows: size, cols: size };
  if (typeof weights === "number")
    return { kind: "packed", bits: weights, groupSize, zero: middleOf(weights), permPtr: 0, ...shape };
  return { kind: "float", dtype: weights, ...shape };
}
