/** The GPTQ codec: reads linears from `NAME.qweight`, `.qzeros`, `.scales` and optionally `.g_idx`, with the settings of the folder. */

import { UnsupportedError } from "../../base/errors.ts";
import { groupOrder, groupRuns } from "../../tensor/group-order.ts";
import { codeRowBytes, layCodes, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import { panelBytes } from "../../tensor/panel.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { GptqConfig } from "../gptq/gptq-config.ts";
import { inspectGptq, isGptqModule } from "../gptq/gptq-header.ts";
import { openGptq, readGptq, storedGroupSize } from "../gptq/gptq-reader.ts";
import type { TensorIndex } from "../tensor-index.ts";
import type { Codec, LaidMatrix, LoadBench, StoredCodes, StoredModule } from "./codec.ts";
import { locateBias } from "./float-rows.ts";

/** @param config the folder's settings; without them, bits and groups follow from the tensors' shapes. */
export function gptqCodec(index: TensorIndex, config: GptqConfig | undefined): Codec {
  return {
    name: "GPTQ",
    packs: true,
    holds: ({ name }) => isGptqModule(index, name),
    locate: (module) => storedCodes(index, module, config),
  };
}

const PARTS = ["qweight", "qzeros", "scales", "g_idx"] as const;

function storedCodes(index: TensorIndex, module: StoredModule, config: GptqConfig | undefined): StoredCodes {
  const { name, rows, cols } = module;
  const header = inspectGptq(index, module, config);
  const { bits, groups } = header;
  // A row whose last group is short has panels of smaller groups, several with the same scale.
  const told = storedGroupSize(config, module, groups);
  const groupSize = cols % told === 0 ? cols / groups : commonDivisor(told, cols);
  if (!Number.isInteger(groupSize) || groupSize % 32 !== 0)
    throw new UnsupportedError(`${index.name}: ${name}`, `${groups} groups over ${cols} columns`, [
      "groups of a multiple of 32 columns",
    ]);
  const tensors = PARTS.flatMap((part) => index.entries.get(`${name}.${part}`) ?? []);
  return {
    kind: "packed",
    bits,
    groupSize,
    memoryBytes: panelBytes(`w${bits}`, rows, cols, groupSize),
    diskBytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    tensors,
    bias: locateBias(index, name, rows),
    stagingBytes: stagingBytes(rows, codeRowBytes({ cols, groups: cols / groupSize })),
    read: () => readGptq(index, module, config),
    reads: () => [],
    lay: (bench, address) => layModule({ index, module, groups, groupSize, config }, bench, address),
  };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** A module of an index, with the groups in a row of it, and the columns of a group in its panels. */
interface IndexedModule {
  readonly index: TensorIndex;
  readonly module: StoredModule;
  readonly groups: number;
  readonly groupSize: number;
  readonly config: GptqConfig | undefined;
}

async function layModule(
  { index, module, groups, groupSize, config }: IndexedModule,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { name, rows, cols } = module;
  const reader = await openGptq(index, module, config);
  for (const warning of reader.warnings) bench.warn(warning);
  const where = `${index.name}: ${name}.g_idx`;
  const isEven = groups * groupSize === cols;
  const runs = isEven ? undefined : groupRuns(reader.gIdx, groupSize, where);
  const perm = runs === undefined ? groupOrder(reader.gIdx, groupSize, where) : runs.perm;
  for (const { first, count } of rowRanges(rows, codeRowBytes({ cols, groups: cols / groupSize }))) {
    const part = await reader.rows(first, count);
    layCodes(bench, address, runs === undefined ? part : withRuns(part, runs.groups), first, perm);
    await bench.turns.pause();
  }
  return { perm };
}

/** The matrix with a scale and a zero point for each run of columns, those of the run's group. */
function withRuns(part: QuantizedMatrix, runs: Int32Array): QuantizedMatrix {
  const { rows, groups, scales, zeros } = part;
  const count = runs.length;
  const from = (at: number) => Math.floor(at / count) * groups + runs[at % count];
  return {
    ...{ ...part, groups: count },
    scales: Float32Array.from({ length: rows * count }, (_, at) => scales[from(at)]),
    zeros: Uint8Array.from({ length: rows * count }, (_, at) => zeros[from(at)]),
  };
}
