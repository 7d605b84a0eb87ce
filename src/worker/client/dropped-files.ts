/** Files that a person drops on a page: as they are, or those of one dropped folder. */

type Entry = FileSystemEntry;

/** The files of a drop. Call it in the event's listener: the browser forgets a drop's entries when the event ends. */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly File[]> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return (await Promise.all(entries.map((entry) => filesOf(entry, true)))).flat();
}

async function filesOf(entry: Entry, isTop: boolean): Promise<readonly File[]> {
  if (entry.isFile) return [await new Promise<File>((give, fail) => (entry as FileSystemFileEntry).file(give, fail))];
  if (!isTop) return [];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  // A reader gives a hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<Entry[]>((give, fail) => reader.readEntries(give, fail));
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map((each) => filesOf(each, false)))).flat());
  }
}
