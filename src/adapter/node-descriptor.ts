/**
 * An open file by its number. A `FileHandle` that is forgotten ends the process in Node 26 and later; this one is then closed, and
 * whoever forgets a model loses nothing but the time until the collector comes.
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

  /** Up to `length` bytes from `position`; gives their number, 0 at the end. */
  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    const fd = this.#requireOpen();
    // The count also keeps this object, and with it the file, until the read is done.
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

  /** Once, however often it is called: the number may be another file's afterwards. Waits for reads under way. */
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

  /** The number of a closed file belongs to another one soon. */
  #requireOpen(): number {
    if (this.#closing !== undefined) throw Object.assign(new Error("the file is closed"), { code: "EBADF" });
    return this.#fd;
  }
}
