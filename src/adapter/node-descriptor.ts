/**
 * An open file by its number. In Node 26 and later a `FileHandle` that is garbage-collected while open ends the process. This object
 * closes its file instead, so a model that was not disposed does no harm.
 */
import { close, fstat, open, read, type Stats } from "node:fs";
import { promisify } from "node:util";

const [openFile, closeFile, statusOf] = [promisify(open), promisify(close), promisify(fstat)];

const forgotten = new FinalizationRegistry<number>((fd) => close(fd, () => {}));

export class Descriptor {
  readonly #fd: number;
  #reading = 0;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  static async open(path: string): Promise<Descriptor> {
    return new Descriptor(await openFile(path, "r"));
  }

  private constructor(fd: number) {
    this.#fd = fd;
    forgotten.register(this, fd, this);
  }

  status(): Promise<Stats> {
    return statusOf(this.#requireOpen());
  }

  /** Reads up to `length` bytes from `position` and returns their number, 0 at the end. */
  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const fd = this.#requireOpen();
    // The count also keeps this object alive, and with it the file, until the read is done.
    this.#reading++;
    try {
      return await new Promise<number>((resolve, reject) =>
        read(fd, into, offset, length, position, (error, found) => (error === null ? resolve(found) : reject(error))),
      );
    } finally {
      this.#reading--;
      if (this.#reading === 0) this.#idle?.();
    }
  }

  /** Closes the file after reads under way, once however often it is called: later the number may be another file's. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    forgotten.unregister(this);
    if (this.#reading > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    await closeFile(this.#fd);
  }

  /** The number of a closed file may soon be that of another one. */
  #requireOpen(): number {
    if (this.#closing !== undefined) throw Object.assign(new Error("the file is closed"), { code: "EBADF" });
    return this.#fd;
  }
}
