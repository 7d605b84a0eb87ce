/**
 * Records y[T,N] = x[T,K] * W^T for any storage of W. The input is prepared once for all linears that read it (rounding, quantising,
 * gathering columns); then one matmul is recorded for each format among them.
 */
import { groupBy } from "../base/group-by.ts";
import type { Bits } from "../tensor/linear-shape.ts";
import type { BlockMatrix, Matrix, PackedMatrix } from "../tensor/matrix.ts";
import { stride } from "../tensor/matrix.ts";
import { OWN_ZEROS, panelCount, recordLayout } from "../tensor/panel.ts";
import type { KernelName } from "../wasm/generated/kernels.ts";
import { type Emit, type Rows, studyLevels } from "./emit.ts";

/** A matrix, the tokens that it computes, and the address of its results. */
export interface Target {
  readonly matrix: Matrix;
  /** Address of `{ start, count }`: the compact rows that this matrix computes. */
  readonly span: number;
  /** f32 rows with stride `stride(matrix.rows)`. */
  readonly out: number;
  /** Address of a bias f32 [matrix.rows] that is added to each row; none if it is 0 or left out. */
  readonly bias?: number;
}

/** Linears that read the same input, and the addresses of their outputs. */
export interface MatmulRequest {
  readonly input: Rows;
  /** Address of i32: compact row -> input row; 0 if they are the same. */
  readonly index: number;
  readonly targets: readonly Target[];
  /** Approximate number of compact rows over all targets, by which time slices are chosen. */
  readonly rows: number;
  /** Router and head read their input unrounded in every mode; a packed head (or one of blocks) in the modes int8 and int16 reads it as int16. */
  readonly exact?: boolean;
  /** Address of fixed scales of the input, for study activations; if it is 0 or left out, each row gets its own scales. */
  readonly scales?: number;
}

/** Most columns of a group; int16 sums would overflow with more. */
const MAX_ACTIVATION_GROUP = 128;

/** Fewest columns of a group: those of blocks with a scale for 16 columns. */
const MIN_ACTIVATION_GROUP = 16;

/** Largest int16 code of an input: its upper byte, rounded to nearest, is at most 127. */
const WIDE_LEVELS = 32639;

/** Records `y = x W^T + bias` for all targets. They share input and shape, but may differ in storage. */
export function project(emit: Emit, request: MatmulRequest): void {
  let prepared: string | undefined;
  for (const targets of byFormat(request.targets)) {
    const matrix = targets[0].matrix;
    const plan = planInput(emit, request, matrix);
    if (plan.key !== prepared) prepare(emit, request, plan);
    emitMatmul(emit, request, targets, plan, plan.key === prepared);
    prepared = plan.key;
  }
  addBiases(emit, request.targets);
}

function addBiases({ tape, pool }: Emit, targets: readonly Target[]): void {
  const biased = targets.filter(({ bias = 0 }) => bias !== 0);
  for (const group of groupBy(biased, ({ matrix }) => String(matrix.rows)).values()) {
    const table = pool.intern(group.flatMap(({ bias = 0, span, out }) => [bias, span, out, 0]));
    const { rows } = group[0].matrix;
    tape.call("add_bias_f32", group.length, 8 * rows, table, stride(rows), rows);
  }
}

function byFormat(targets: readonly Target[]): readonly (readonly Target[])[] {
  const classes = groupBy(targets, ({ matrix }) => {
    return `${storageOf(matrix)}:${matrix.rows}`;
  });
  return [...classes.values()];
}

function storageOf(matrix: Matrix): string {
  if (matrix.kind === "float") return matrix.dtype;
  if (matrix.kind === "blocks") return `b${matrix.bits}/${matrix.groupSize}/${matrix.blockSize}`;
  return `${matrix.bits}/${matrix.groupSize}/${matrix.zero}/${matrix.permPtr}`;
}

/** How the input is prepared for a format. */
interface InputPlan {
  readonly form: "plain" | "rounded" | "record";
  readonly permPtr: number;
  /** Columns that share a scale. */
  readonly group: number;
  /** Largest code of the forms `rounded` and `record`. */
  readonly levels: number;
  readonly key: string;
}

function planInput({ activations }: Emit, request: MatmulRequest, matrix: Matrix): InputPlan {
  const permPtr = matrix.kind === "packed" ? matrix.permPtr : 0;
  const isExact = request.exact && (matrix.kind === "float" || activations.mode === "study");
  if (activations.mode === "f32" || isExact)
    return { form: "plain", permPtr, group: 0, levels: 0, key: permPtr === 0 ? "" : `g${permPtr}` };
  if (activations.mode === "study") {
    const group = activations.group === "token" ? matrix.cols : activations.group;
    return { form: "rounded", permPtr, group, levels: studyLevels(activations.bits), key: `s/${permPtr}` };
  }
  const { mode, group } = activations;
  const levels = mode === "int16" || request.exact ? WIDE_LEVELS : 127;
  if (matrix.kind === "float") {
    const columns = group === "weight" ? MAX_ACTIVATION_GROUP : group;
    return { form: "rounded", permPtr, group: columns, levels, key: `f${columns}` };
  }
  const columns = matrix.kind === "blocks" ? matrix.groupSize : activationGroup(matrix, group);
  return { form: "record", permPtr, group: columns, levels, key: `r${columns}/${levels}/${permPtr}` };
}

/** The activation group must divide the weights' group; 32 always does. */
function activationGroup(matrix: PackedMatrix, wish: 32 | 64 | "weight"): number {
  const most = Math.min(matrix.groupSize, MAX_ACTIVATION_GROUP);
  const columns = wish === "weight" ? most : Math.min(wish, most);
  if (matrix.groupSize % columns === 0) return columns;
  return matrix.groupSize % 64 === 0 && columns > 64 ? 64 : 32;
}

/** Prepares the input. Rounded inputs are gathered after rounding, so that groups are in the layer's column order; records before quantising. */
function prepare(emit: Emit, request: MatmulRequest, plan: InputPlan): void {
  const { tape, prepared } = emit;
  const { rows, cols } = request.input;
  let from: Pick<Rows, "ptr" | "ld"> = request.input;
  if (plan.form === "rounded") {
    const { group, levels } = plan;
    const to = { ptr: prepared.rounded, ld: cols };
    // biome-ignore format: one line a call
    tape.call("round_act", rows, cols, to.ptr, to.ld, from.ptr, from.ld, cols, group, levels, request.scales ?? 0);
    from = to;
  }
  if (plan.permPtr !== 0) {
    if (prepared.gathered === 0)
      throw new Error("a matrix has an order of columns, and the state has no room to gather them");
    tape.call("gather_columns_f32", rows, cols, prepared.gathered, cols, from.ptr, from.ld, plan.permPtr, cols);
    from = { ptr: prepared.gathered, ld: cols };
  }
  if (plan.form === "record") {
    const { recordBytes, narrowOffset } = recordLayout(cols, plan.group, narrowPlanes(emit, plan));
    const wide = plan.levels === WIDE_LEVELS ? 1 : 0;
    // biome-ignore format: one line a call
    tape.call("quantize_act", rows, cols, prepared.records, from.ptr, from.ld, cols, plan.group, recordBytes, narrowOffset, wide);
  }
}

/** Planes of bytes that records have besides 16-bit words: the relaxed build multiplies bytes, also the two of a word if it adds up products in fours. */
function narrowPlanes({ machine }: Emit, { levels }: InputPlan): 0 | 1 | 2 {
  if (machine.dots === "words") return 0;
  if (levels !== WIDE_LEVELS) return 1;
  return machine.dots === "pairs" ? 0 : 2;
}

/** The kernel for codes of these bits and records of so many planes. */
function codesKernel({ machine }: Emit, bits: Bits, planes: 0 | 1 | 2): { kernel: KernelName; isNarrow: boolean } {
  if (planes === 0 || (bits === 8 && machine.dots === "pairs"))
    return { kernel: `matmul_w${bits}a16`, isNarrow: false };
  if (planes === 2) return { kernel: `matmul_w${bits}a16_dot`, isNarrow: true };
  const kernel =
    bits === 8 || machine.dots !== "pairs" ? (`matmul_w${bits}a8_dot` as const) : (`matmul_w${bits}a8` as const);
  return { kernel, isNarrow: true };
}

/** From so many rows on, a chunk lays them out once for all of its panels, which are so many if there are enough for all threads. */
const LAID_ROWS = 3;
const LAID_PANELS = 4;

function emitMatmul(
  emit: Emit,
  request: MatmulRequest,
  targets: readonly Target[],
  plan: InputPlan,
  sameInput: boolean,
): void {
  const { matrix } = targets[0];
  const { tape, pool, prepared } = emit;
  const table = pool.intern(targets.flatMap(({ matrix, span, out }) => [matrix.ptr, span, out, 0]));
  const units = panelCount(matrix.rows);
  const work = (16 * matrix.cols * request.rows) / Math.max(1, request.targets.length / targets.length);
  const record = (sameInput ? tape.beside : tape.call).bind(tape);
  const { groupSize, zero } = matrix.kind === "packed" ? matrix : { groupSize: 0, zero: OWN_ZEROS };
  const head = [table, targets.length] as const;
  if (matrix.kind === "blocks") {
    record(...blocksCall(emit, request, matrix, plan, [units, work, ...head]));
    return;
  }
  if (plan.form !== "record") {
    const ordered = plan.form === "rounded" ? { ptr: prepared.rounded, ld: matrix.cols } : request.input;
    const x = plan.permPtr === 0 ? ordered : { ptr: prepared.gathered, ld: matrix.cols };
    const kernel = matrix.kind === "float" ? (`matmul_${matrix.dtype}` as const) : (`matmul_w${matrix.bits}` as const);
    record(kernel, units, work, ...head, x.ptr, request.index, matrix.cols, groupSize, stride(matrix.rows), x.ld, zero);
    return;
  }
  const planes = narrowPlanes(emit, plan);
  const layout = recordLayout(matrix.cols, plan.group, planes);
  const { bits } = matrix as PackedMatrix;
  const { kernel, isNarrow } = codesKernel(emit, bits, planes);
  const values = isNarrow ? layout.narrowOffset : layout.wideOffset;
  // Bytes of 8-bit codes count as signed: they are reduced by 128.
  const flip = bits === 8 && isNarrow && emit.machine.dots === "signed" ? 128 : 0;
  // biome-ignore format: one line a call
  record(kernel, units, work, ...head, prepared.records, request.index, matrix.cols, groupSize, plan.group, stride(matrix.rows), layout.recordBytes, values, zero, flip);
  if (request.rows >= LAID_ROWS * request.targets.length) tape.coarsen(LAID_PANELS);
}

/** The kernel of a matrix of blocks and its arguments; `first` are those before the input. */
function blocksCall(
  emit: Emit,
  request: MatmulRequest,
  matrix: BlockMatrix,
  plan: InputPlan,
  first: readonly number[],
): Parameters<Emit["tape"]["call"]> {
  const { prepared } = emit;
  const { cols, bits, blockSize } = matrix;
  const [units, work, ...head] = first;
  const sizes = [request.index, cols, stride(matrix.rows)];
  if (plan.form !== "record") {
    const x = plan.form === "rounded" ? { ptr: prepared.rounded, ld: cols } : request.input;
    return ["matmul_blocks", units, work, ...head, x.ptr, ...sizes, x.ld, bits, blockSize];
  }
  const planes = narrowPlanes(emit, plan);
  const layout = recordLayout(cols, plan.group, planes);
  const narrow = planes === 1;
  const values = narrow ? layout.narrowOffset : layout.wideOffset;
  const kernel = narrow ? "matmul_blocks_a8" : "matmul_blocks_a16";
  return [kernel, units, work, ...head, prepared.records, ...sizes, layout.recordBytes, values, bits, blockSize];
}

/** Most bytes that a prepared input of this size needs in each form. */
export function preparedBytes(rows: number, cols: number): { records: number; rounded: number } {
  return { records: rows * recordLayout(cols, MIN_ACTIVATION_GROUP, 2).recordBytes, rounded: rows * cols * 4 };
}
