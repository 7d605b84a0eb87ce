/** Lists the codecs, in the order in which they are tried. To add one, add a file in this folder, a line here and a fixture. */

import type { FolderSource } from "../../files/source.ts";
import { readGptqConfig } from "../gptq/gptq-config.ts";
import { missingTensor, type TensorIndex } from "../tensor-index.ts";
import type { Codec, StoredModule } from "./codec.ts";
import { floatCodec } from "./float-codec.ts";
import { gptqCodec } from "./gptq-codec.ts";
import { mxfp4Codec } from "./mxfp4-codec.ts";

/** Opens a codec for the tensors of a checkpoint. The codec reads its settings from the folder itself. */
type OpenCodec = (index: TensorIndex, folder: FolderSource) => Promise<Codec>;

const CODECS: readonly OpenCodec[] = [
  async (index, folder) => gptqCodec(index, await readGptqConfig(folder)),
  async (index) => mxfp4Codec(index),
  async (index) => floatCodec(index),
];

/** Opens all codecs. @throws FormatError or UnsupportedError naming the setting that is wrong. */
export async function openCodecs(index: TensorIndex, folder: FolderSource): Promise<readonly Codec[]> {
  const codecs: Codec[] = [];
  for (const open of CODECS) codecs.push(await open(index, folder));
  return codecs;
}

/** The codec that stores a module. @throws FormatError naming the missing tensor if none does. */
export function codecOf(codecs: readonly Codec[], index: TensorIndex, module: StoredModule): Codec {
  const found = codecs.find((codec) => codec.holds(module));
  if (found === undefined) throw missingTensor(index, `${module.name}.weight`);
  return found;
}
