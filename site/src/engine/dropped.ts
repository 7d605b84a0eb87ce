/** Files that a person gives: dropped ones, also within one dropped folder, or those of a file picker. */
import type { ModelWish } from "./wishes.ts";

/** The entries of a drop, which must be asked for before the event ends. */
export async function droppedModel(transfer: DataTransfer): Promise<ModelWish | undefined> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const plain = [...transfer.files];
  // Files that another program or a script gives may have no entries.
  const files = entries.length === 0 ? plain : (await Promise.all(entries.map(filesOf))).flat();
  return wishOf(files, entries.find((entry) => entry.isDirectory)?.name);
}

/** The wish that some files mean; undefined for none. */
export function wishOf(files: readonly File[], folder?: string): ModelWish | undefined {
  if (files.length === 0) return undefined;
  const first = files.find(({ name }) => /\.(?:gguf|safetensors)$/.test(name)) ?? files[0];
  const path = first.webkitRelativePath.split("/");
  return { kind: "files", name: folder ?? (path.length > 1 ? path[0] : first.name.replace(/\.\w+$/, "")), files };
}

async function filesOf(entry: FileSystemEntry): Promise<readonly File[]> {
  if (entry.isFile)
    return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: FileSystemEntry[] = [];
  // A reader gives a hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.filter(({ isFile }) => isFile).map(filesOf))).flat();
}
