/** A file of weights: read by ranges from the hub until it is brought to the disk. */
import type { ByteSource, PrepareRun } from "../../files/source.ts";

export interface LazyParts {
  readonly name: string;
  readonly size: number;
  remote(): Promise<ByteSource>;
  /** Downloads the file and opens it on the disk. */
  onDisk(run: PrepareRun): Promise<ByteSource>;
}

export class LazyFile implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #parts: LazyParts;
  #current: Promise<ByteSource> | undefined;
  #local: Promise<ByteSource> | undefined;

  constructor(parts: LazyParts) {
    this.name = parts.name;
    this.size = parts.size;
    this.#parts = parts;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    this.#current ??= this.#parts.remote();
    const current = this.#current;
    current.catch(() => {
      if (this.#current === current) this.#current = undefined;
    });
    await (await current).read(offset, into);
  }

  async prepare(run: PrepareRun): Promise<void> {
    if (this.#local !== undefined) {
      await this.#local;
      return run.onBytes?.(this.size);
    }
    const local = this.#parts.onDisk(run);
    this.#local = local;
    try {
      await local;
      this.#current = local;
    } catch (error) {
      this.#local = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await (await this.#local?.catch(() => undefined))?.close?.();
  }
}
