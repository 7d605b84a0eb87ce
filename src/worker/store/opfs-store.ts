/** Stores models in the origin's private file system (OPFS): a folder for each model. */
import type { PlacedFile, PlacedName, StorePlace } from "./store-place.ts";

/** The parts of the file system's handles that are needed. Workers alone have handles that write in place. */
interface AccessHandle {
  truncate(size: number): void;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  flush(): void;
  close(): void;
}

interface FileHandle {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<File>;
  createSyncAccessHandle(): Promise<AccessHandle>;
}

/** A directory of the private file system, as far as it is needed. */
export interface PrivateDirectory {
  readonly kind: "directory";
  readonly name: string;
  values(): AsyncIterable<PrivateDirectory | FileHandle>;
  getDirectoryHandle(name: string, options: { readonly create: boolean }): Promise<PrivateDirectory>;
  getFileHandle(name: string, options: { readonly create: boolean }): Promise<FileHandle>;
  removeEntry(name: string, options: { readonly recursive: boolean }): Promise<void>;
}

const FOLDER = "quern-models";

export class OpfsStore implements StorePlace {
  readonly kind = "opfs";
  readonly #root: PrivateDirectory;

  constructor(root: PrivateDirectory) {
    this.#root = root;
  }

  async models(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { kind, name } of (await this.#folder()).values())
      if (kind === "directory") names.push(decodeURIComponent(name));
    return names.sort();
  }

  async files(model: string): Promise<ReadonlyMap<string, PlacedFile>> {
    const found = new Map<string, PlacedFile>();
    const folder = await this.#modelFolder(model, false);
    if (folder === undefined) return found;
    for await (const entry of folder.values())
      if (entry.kind === "file") {
        const file = await entry.getFile();
        found.set(decodeURIComponent(entry.name), { bytes: file.size, blob: async () => file });
      }
    return found;
  }

  async append({ model, name }: PlacedName, at: number, bytes: Uint8Array): Promise<void> {
    const folder = (await this.#modelFolder(model, true)) as PrivateDirectory;
    const handle = await folder.getFileHandle(encodeURIComponent(name), { create: true });
    const access = await handle.createSyncAccessHandle();
    try {
      if (at === 0) access.truncate(0);
      if (access.write(bytes, { at }) < bytes.length) throw new DOMException("the disk is full", "QuotaExceededError");
      access.flush();
    } finally {
      access.close();
    }
  }

  async remove(model: string): Promise<void> {
    if ((await this.#modelFolder(model, false)) === undefined) return;
    await (await this.#folder()).removeEntry(encodeURIComponent(model), { recursive: true });
  }

  #folder(): Promise<PrivateDirectory> {
    return this.#root.getDirectoryHandle(FOLDER, { create: true });
  }

  async #modelFolder(model: string, create: boolean): Promise<PrivateDirectory | undefined> {
    try {
      return await (await this.#folder()).getDirectoryHandle(encodeURIComponent(model), { create });
    } catch (error) {
      if ((error as Error).name === "NotFoundError") return undefined;
      throw error;
    }
  }
}
