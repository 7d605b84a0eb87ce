/**
 * Tensors that look like one linear's rows, or its bias, in a tensor that the experts of a layer share. If these rows do not lie together on
 * disk, the view gathers them when it is read.
 */
import { FormatError } from "../../base/errors.ts";
import type { ByteSource } from "../../files/source.ts";
import { floatBytes } from "../../tensor/lay-panels.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import { readPart, requireShape, requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import type { BankPlace, StoredModule } from "./codec.ts";

/** The rows [rows, cols] of a module. @throws FormatError or ShapeError naming the shared tensor. */
export function bankRows(index: TensorIndex, { rows, cols, bank }: StoredModule, bytesOf: BytesOf): TensorEntry {
  const { tensor, expert, blockRows, firstRow, rowStep = 1, transposed = false } = bank as BankPlace;
  const entry = requireTensor(index, tensor);
  const block = transposed ? [cols, blockRows] : [blockRows, cols];
  requireShape(index, entry, expert < 0 ? block : [entry.shape[0], ...block]);
  requireExpert(index, entry, expert);
  const bytes = bytesOf(entry);
  const start = Math.max(expert, 0) * blockRows * cols;
  if (transposed) {
    const shape = { start: start + firstRow, rows, cols, rowStep, colStep: blockRows };
    return gathered(entry, [rows, cols], bytes, columnReader(entry, shape, bytes));
  }
  const from = start + firstRow * cols;
  if (rowStep === 1)
    return { ...entry, shape: [rows, cols], offset: entry.offset + from * bytes, byteLength: rows * cols * bytes };
  return gathered(entry, [rows, cols], bytes, rowReader(entry, from * bytes, cols * bytes, rowStep));
}

/** The bias [rows] of a module. */
export function bankBias(index: TensorIndex, { rows, bank }: StoredModule, bytesOf: BytesOf): TensorEntry | undefined {
  const { bias, expert, blockRows, firstRow, rowStep = 1 } = bank as BankPlace;
  const entry = bias === undefined ? undefined : index.entries.get(bias);
  if (entry === undefined) return undefined;
  requireShape(index, entry, [entry.shape[0], blockRows]);
  requireExpert(index, entry, expert);
  const bytes = bytesOf(entry);
  return gathered(entry, [rows], bytes, rowReader(entry, (expert * blockRows + firstRow) * bytes, bytes, rowStep));
}

/** Bytes of an element. @throws UnsupportedError for a tensor of another type than floats. */
export type BytesOf = (entry: TensorEntry) => number;

/** Bytes of elements of a type. */
export function bytesOfType(typeOf: (entry: TensorEntry) => FloatDType): BytesOf {
  return (entry) => floatBytes(typeOf(entry));
}

function requireExpert(index: TensorIndex, { name, shape }: TensorEntry, expert: number): void {
  if (expert >= shape[0])
    throw new FormatError(`${index.name}: ${name}`, `found ${shape[0]} experts, expected more than ${expert}`);
}

type Read = ByteSource["read"];

function gathered(entry: TensorEntry, shape: readonly number[], bytes: number, read: Read): TensorEntry {
  const byteLength = shape.reduce((product, size) => product * size, bytes);
  return { ...entry, shape, offset: 0, byteLength, source: { name: entry.source.name, size: byteLength, read } };
}

/** Most bytes that a view reads at once. */
const READ_AT_ONCE = 8 << 20;

/** Reads rows of `rowBytes` that are `step` rows apart, the first at byte `start` of the tensor. */
function rowReader(entry: TensorEntry, start: number, rowBytes: number, step: number): Read {
  return async (offset, into) => {
    const span = rowBytes * step;
    const most = Math.max(1, Math.floor(READ_AT_ONCE / span));
    let row = Math.floor(offset / rowBytes);
    for (let done = 0; done < into.length; ) {
      const skipped = offset + done - row * rowBytes;
      const rows = Math.min(most, Math.ceil((into.length - done + skipped) / rowBytes));
      const block = new Uint8Array((rows - 1) * span + rowBytes);
      await readPart(entry, start + row * span, block);
      for (let i = 0; i < rows; i++) {
        const from = i * span + (i === 0 ? skipped : 0);
        const part = block.subarray(from, Math.min(i * span + rowBytes, from + into.length - done));
        into.set(part, done);
        done += part.length;
      }
      row += rows;
    }
  };
}

/** Element (row, col) is element start + row * rowStep + col * colStep of the tensor. */
interface Transposed {
  readonly start: number;
  readonly rows: number;
  readonly cols: number;
  readonly rowStep: number;
  readonly colStep: number;
}

/** Reads elements of a transposed tensor: pieces of its rows, which are columns here. */
function columnReader(entry: TensorEntry, { start, cols, rowStep, colStep }: Transposed, bytes: number): Read {
  return async (offset, into) => {
    const [first, end] = [Math.floor(offset / bytes), Math.ceil((offset + into.length) / bytes)];
    const [row, lastRow] = [Math.floor(first / cols), Math.floor((end - 1) / cols)];
    const piece = ((lastRow - row) * rowStep + 1) * bytes;
    const elements = new Uint8Array((end - first) * bytes);
    const block = new Uint8Array(piece);
    for (let col = 0; col < cols; col++) {
      await readPart(entry, (start + row * rowStep + col * colStep) * bytes, block);
      for (let at = row; at <= lastRow; at++) {
        const to = at * cols + col - first;
        if (to < 0 || to >= end - first) continue;
        const from = (at - row) * rowStep * bytes;
        for (let i = 0; i < bytes; i++) elements[to * bytes + i] = block[from + i];
      }
    }
    into.set(elements.subarray(offset - first * bytes, offset - first * bytes + into.length));
  };
}
