/** The codecs of a checkpoint, in the order in which they are asked. A new one: a file beside this, a line here, a fixture. */

import type { FolderSource } from "../../files/source.ts";
import { readGptqConfig } from "../gptq/gptq-config.ts";
import { missingTensor, type TensorIndex } from "../tensor-index.ts";
import type { Codec, StoredModule } from "./codec.ts";
import { floatCodec } from "./float-codec.ts";
import { gptqCodec } from "./gptq-codec.ts";

/** Opens a codec over the tensors of a checkpoint; what it needs to know of the folder, it reads itself. */
type OpenCodec = (index: TensorIndex, folder: FolderSource) => Promise<Codec>;

const CODECS: readonly OpenCodec[] = [
  async (index, folder) => gptqCodec(index, await readGptqConfig(folder)),
  async (index) => floatCodec(index),
];

/** @throws FormatError or UnsupportedError naming the settings that are odd. */
export async function openCodecs(index: TensorIndex, folder: FolderSource): Promise<readonly Codec[]> {
  const codecs: Codec[] = [];
  for (const open of CODECS) codecs.push(await open(index, folder));
  return codecs;
}

/** The codec that stores a module. @throws FormatError naming the tensor that is missing where none does. */
export function codecOf(codecs: readonly Codec[], index: TensorIndex, module: StoredModule): Codec {
  const found = codecs.find((codec) => codec.holds(module));
  if (found === undefined) throw missingTensor(index, `${module.name}.weight`);
  return found;
}
