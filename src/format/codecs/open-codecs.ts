/** Lists the codecs, in the order in which they are tried. To add one, add a file in this folder, a line here and a fixture. */

import type { FolderSource } from "../../files/source.ts";
import { findGptqSettings } from "../gptq/find-settings.ts";
import { missingTensor, type TensorIndex } from "../tensor-index.ts";
import type { Codec, StoredModule } from "./codec.ts";
import { floatCodec } from "./float-codec.ts";
import { mxfp4Codec } from "./mxfp4-codec.ts";

/** Opens all codecs that a checkpoint may need. @throws FormatError or UnsupportedError naming the setting that is wrong. */
export async function openCodecs(index: TensorIndex, folder: FolderSource): Promise<readonly Codec[]> {
  return [...(await openGptq(index, folder)), mxfp4Codec(index), floatCodec(index)];
}

/** The code of GPTQ is a sixth of what a page loads of the library, and models of floats and GGUF files do not need it. */
async function openGptq(index: TensorIndex, folder: FolderSource): Promise<readonly Codec[]> {
  const found = await findGptqSettings(folder);
  if (found === undefined && ![...index.entries.keys()].some((name) => name.endsWith(".qweight"))) return [];
  const { openGptqCodec } = await import("./gptq-codec.ts");
  return [openGptqCodec(index, found)];
}

/** The codec that stores a module. @throws FormatError naming the missing tensor if none does. */
export function codecOf(codecs: readonly Codec[], index: TensorIndex, module: StoredModule): Codec {
  const found = codecs.find((codec) => codec.holds(module));
  if (found === undefined) throw missingTensor(index, `${module.name}.weight`);
  return found;
}
