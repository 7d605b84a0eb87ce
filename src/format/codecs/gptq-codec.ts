/** The GPTQ codec: reads linears from `NAME.qweight`, `.qzeros`, `.scales` and optionally `.g_idx`, with the settings of the folder. */

import { UnsupportedError } from "../../base/errors.ts";
import { groupOrder } from "../../tensor/group-order.ts";
import { codeRowBytes, layCodes, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import { panelBytes } from "../../tensor/panel.ts";
import type { GptqConfig } from "../gptq/gptq-config.ts";
import { inspectGptq, isGptqModule } from "../gptq/gptq-header.ts";
import { openGptq, readGptq } from "../gptq/gptq-reader.ts";
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
  const groupSize = cols / groups;
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
    stagingBytes: stagingBytes(rows, codeRowBytes({ cols, groups })),
    read: () => readGptq(index, module, config),
    lay: (bench, address) => layModule({ index, module, groups, config }, bench, address),
  };
}

/** A module of an index, with the groups in a row of it. */
interface IndexedModule {
  readonly index: TensorIndex;
  readonly module: StoredModule;
  readonly groups: number;
  readonly config: GptqConfig | undefined;
}

async function layModule(
  { index, module, groups, config }: IndexedModule,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { name, rows, cols } = module;
  const reader = await openGptq(index, module, config);
  for (const warning of reader.warnings) bench.warn(warning);
  const perm = groupOrder(reader.gIdx, cols / groups, `${index.name}: ${name}.g_idx`);
  for (const { first, count } of rowRanges(rows, codeRowBytes({ cols, groups }))) {
    layCodes(bench, address, await reader.rows(first, count), first, perm);
    await bench.turns.pause();
  }
  return { perm };
}
