/** Quern's matmul of 4-bit weights as a session records it, with the rounding of its inputs, one thread. */
import { type Emit, WordPool } from "../../../src/nn/emit.ts";
import { preparedBytes, project } from "../../../src/nn/linear.ts";
import { codeRowBytes, layCodes, rowRanges, stagingBytes } from "../../../src/tensor/lay-panels.ts";
import type { PackedMatrix } from "../../../src/tensor/matrix.ts";
import { panelBytes } from "../../../src/tensor/panel.ts";
import { naturalGroups, naturalOrder, rowsOfMatrix } from "../../../src/tensor/quantized-matrix.ts";
import { createMachine } from "../../../src/web.ts";
import { makeInputs, makeMatrix, SIZE, timeCall } from "./data.ts";

type Machine = Awaited<ReturnType<typeof createMachine>>;

const MOST_ROWS = 64;

/** Packs the matrix as loading does. */
function layMatrix(machine: Machine, groupSize: number): PackedMatrix {
  const memory = machine.arena.region();
  const groups = SIZE / groupSize;
  const zero = 8;
  const zeros = new Uint8Array(SIZE * groups).fill(zero);
  const order = { gIdx: naturalGroups(SIZE, groupSize), perm: naturalOrder(SIZE) };
  const matrix = {
    rows: SIZE,
    cols: SIZE,
    bits: 4,
    groupSize,
    groups,
    zeros,
    ...order,
    ...makeMatrix(groupSize),
  } as const;
  const rowBytes = codeRowBytes(matrix);
  const ptr = memory.alloc(panelBytes("w4", SIZE, SIZE, { groupSize, zero }));
  const staging = memory.alloc(stagingBytes(SIZE, rowBytes));
  for (const { first, count } of rowRanges(SIZE, rowBytes))
    layCodes({ machine, staging }, ptr, rowsOfMatrix(matrix, first, count), first, { zero });
  return { kind: "packed", bits: 4, groupSize, zero, ptr, rows: SIZE, cols: SIZE, permPtr: 0 };
}

async function open(groupSize: number) {
  const machine = await createMachine({ threads: 1 });
  const matrix = layMatrix(machine, groupSize);
  const memory = machine.arena.region();
  const pool = new WordPool(machine, memory, 256);
  const bytes = preparedBytes(MOST_ROWS, SIZE);
  const prepared = { records: memory.alloc(bytes.records), rounded: memory.alloc(bytes.rounded), gathered: 0 };
  const out = memory.alloc(4 * MOST_ROWS * SIZE);
  const input = memory.alloc(4 * MOST_ROWS * SIZE);
  /** The call with its inputs in place, for a number of rows. */
  const record = (rows: number) => {
    machine.arena.f32(input, rows * SIZE).set(makeInputs(rows));
    const tape = machine.tape();
    const emit: Emit = { machine, tape, pool, activations: { mode: "int8", group: 32 }, prepared };
    const targets = [{ matrix, span: memory.place(Uint32Array.of(0, rows)), out }];
    project(emit, { input: { ptr: input, ld: SIZE, rows, cols: SIZE }, index: 0, targets, rows });
    return tape;
  };
  return { record, read: (rows: number) => machine.arena.f32(out, rows * SIZE).slice() };
}

type Opened = Awaited<ReturnType<typeof open>>;
let opened: Opened;

export async function agent(order: { call: string; test: number; options: { groupSize: number } }): Promise<unknown> {
  if (order.call === "prepare") {
    opened = await open(order.options.groupSize);
    return undefined;
  }
  const tape = opened.record(order.test);
  if (order.call === "time") return timeCall(() => tape.run());
  tape.run();
  return opened.read(order.test);
}
