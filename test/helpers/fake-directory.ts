/** A directory of the origin's private file system in memory, with a quota, as a worker sees it. */
import type { PrivateDirectory } from "../../src/worker/store/opfs-store.ts";

interface Disk {
  used: number;
  quota: number;
}

export class FakeDirectory implements PrivateDirectory {
  readonly kind = "directory";
  readonly name: string;
  readonly disk: Disk;
  readonly #entries = new Map<string, FakeDirectory | FakeFile>();

  constructor(name = "", disk: Disk = { used: 0, quota: Number.POSITIVE_INFINITY }) {
    this.name = name;
    this.disk = disk;
  }

  async *values(): AsyncGenerator<FakeDirectory | FakeFile> {
    yield* this.#entries.values();
  }

  async getDirectoryHandle(name: string, { create }: { readonly create: boolean }): Promise<FakeDirectory> {
    return this.#entry(name, create, () => new FakeDirectory(name, this.disk)) as FakeDirectory;
  }

  async getFileHandle(name: string, { create }: { readonly create: boolean }): Promise<FakeFile> {
    return this.#entry(name, create, () => new FakeFile(name, this.disk)) as FakeFile;
  }

  async removeEntry(name: string): Promise<void> {
    this.disk.used -= (this.#entries.get(name) as FakeDirectory).bytes;
    this.#entries.delete(name);
  }

  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);
  }

  #entry(name: string, create: boolean, make: () => FakeDirectory | FakeFile): FakeDirectory | FakeFile {
    const entry = this.#entries.get(name) ?? (create ? make() : undefined);
    if (entry === undefined) throw new DOMException(`there is no ${name}`, "NotFoundError");
    this.#entries.set(name, entry);
    return entry;
  }
}

class FakeFile {
  readonly kind = "file";
  readonly name: string;
  readonly #disk: Disk;
  #content = new Uint8Array(0);

  constructor(name: string, disk: Disk) {
    this.name = name;
    this.#disk = disk;
  }

  get bytes(): number {
    return this.#content.length;
  }

  async getFile(): Promise<File> {
    return new File([this.#content], this.name);
  }

  async createSyncAccessHandle() {
    return {
      truncate: (size: number) => this.#resize(size),
      write: (bytes: Uint8Array, { at }: { readonly at: number }) => {
        this.#resize(Math.max(this.#content.length, at + bytes.length));
        this.#content.set(bytes, at);
        return bytes.length;
      },
      flush() {},
      close() {},
    };
  }

  #resize(size: number): void {
    const used = this.#disk.used + size - this.#content.length;
    if (used > this.#disk.quota) throw new DOMException("the quota has been exceeded", "QuotaExceededError");
    this.#disk.used = used;
    const content = new Uint8Array(size);
    content.set(this.#content.subarray(0, size));
    this.#content = content;
  }
}
