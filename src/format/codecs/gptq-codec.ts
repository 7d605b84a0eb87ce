/** The GPTQ codec: reads linears from `NAME.qweight`, `.qzeros`, `.scales` and optionally `.g_idx`, with the settings of the folder. */

import { UnsupportedError } from "../../base/errors.ts";
import { OWN_ZEROS, panelBytes } from "../../tensor/panel.ts";
import type { FoundSettings } from "../gptq/find-settings.ts";
import { type GptqConfig, parseGptqConfig } from "../gptq/gptq-config.ts";
import { storedGroupSize } from "../gptq/gptq-grid.ts";
import { inspectGptq, isGptqModule } from "../gptq/gptq-header.ts";
import { readGptq } from "../gptq/gptq-reader.ts";
import type { TensorIndex } from "../tensor-index.ts";
import type { Codec, StoredCodes, StoredModule } from "./codec.ts";
import { locateBias } from "./float-rows.ts";
import { gptqReads, gptqStaging, layGptq } from "./gptq-panels.ts";

/** The codec for a checkpoint with these settings in its folder. */
export function openGptqCodec(index: TensorIndex, found: FoundSettings | undefined): Codec {
  return gptqCodec(index, found && parseGptqConfig(found.json, found.where));
}

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
  const place = { index, module, bits, groups, groupSize, config };
  const tensors = PARTS.flatMap((part) => index.entries.get(`${name}.${part}`) ?? []);
  return {
    kind: "packed",
    bits,
    groupSize,
    zero: OWN_ZEROS,
    memoryBytes: panelBytes(`w${bits}`, rows, cols, { groupSize }),
    diskBytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    tensors,
    bias: locateBias(index, name, rows),
    stagingBytes: gptqStaging(place),
    reads: () => gptqReads(place),
    read: () => readGptq(index, module, config),
    lay: (bench, address) => layGptq(place, bench, address),
  };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
