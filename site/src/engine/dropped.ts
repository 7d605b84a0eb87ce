/** Files that a person gives: dropped ones, also within one dropped folder, or those of a file picker. */
import { droppedFiles } from "../../../src/worker.ts";
import type { ModelWish } from "./wishes.ts";

/** Call it in the event's listener: the browser forgets a drop's entries when the event ends. */
export async function droppedModel(transfer: DataTransfer): Promise<ModelWish | undefined> {
  const plain = [...transfer.files];
  const folder = [...transfer.items].map((item) => item.webkitGetAsEntry()).find((entry) => entry?.isDirectory);
  const files = await droppedFiles(transfer);
  // Files that another program or a script gives may have no entries.
  return wishOf(files.length === 0 ? plain : files, folder?.name);
}

/** The wish that some files mean; undefined for none. */
export function wishOf(files: readonly File[], folder?: string): ModelWish | undefined {
  if (files.length === 0) return undefined;
  const first = files.find(({ name }) => /\.(?:gguf|safetensors)$/.test(name)) ?? files[0];
  const path = first.webkitRelativePath.split("/");
  return { kind: "files", name: folder ?? (path.length > 1 ? path[0] : first.name.replace(/\.\w+$/, "")), files };
}
