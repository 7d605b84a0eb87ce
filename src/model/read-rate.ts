/** Measures how fast this machine computes a decoded token's matmuls: one row times weights that are larger than most caches. */
import type { StoredMatrix } from "../format/codecs/codec.ts";
import { type Activations, WordPool } from "../nn/emit.ts";
import { preparedBytes, project } from "../nn/linear.ts";
import { stride } from "../tensor/matrix.ts";
import { PANEL_ROWS } from "../tensor/panel.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import { matrixAt } from "./weights/weight-store.ts";

const MEASURED_BYTES = 8 << 20;
const RUNS = 5;

/** A linear whose storage is measured. */
export interface MeasuredLinear {
  readonly rows: number;
  readonly cols: number;
  readonly stored: StoredMatrix;
}

/** Bytes of weights per second in the fastest of a few runs, for weights that are stored like those of `linear`. */
export function readRate(machine: Machine, linear: MeasuredLinear, activations: Activations): number {
  using taken = machine.arena.region();
  const { bytes, record } = layOut(machine, taken, linear, activations);
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const begin = performance.now();
    record.run();
    best = Math.min(best, performance.now() - begin);
  }
  return (1000 * bytes) / best;
}

/** Zeros in place of weights: no kernel's time depends on values. */
function layOut(machine: Machine, taken: Region, { rows, cols, stored }: MeasuredLinear, activations: Activations) {
  const panelBytes = stored.memoryBytes / (stride(rows) / PANEL_ROWS);
  const panels = Math.max(1, Math.floor(MEASURED_BYTES / panelBytes));
  const bytes = panels * panelBytes;
  const shape = { rows: panels * PANEL_ROWS, cols };
  const sizes = preparedBytes(1, cols);
  const zeros = (count: number) => {
    const address = taken.alloc(count);
    machine.arena.u8(address, count).fill(0);
    return address;
  };
  const prepared = {
    ...{
      records: taken.alloc(sizes.records),
      rounded: taken.alloc(sizes.rounded),
      gathered: taken.alloc(sizes.rounded),
    },
  };
  const pool = new WordPool(machine, taken, 64);
  const emit = { machine, tape: machine.tape(), pool, activations, prepared };
  const target = {
    matrix: matrixAt(shape, stored, { ptr: zeros(bytes), permPtr: 0 }),
    span: pool.intern([0, 1]),
    out: taken.alloc(4 * stride(shape.rows)),
  };
  const input = { ptr: zeros(4 * stride(cols)), ld: stride(cols), rows: 1, cols };
  project(emit, { input, index: 0, targets: [target], rows: 1 });
  return { bytes, record: emit.tape };
}
