/** A disk that takes so many bytes and is full then, for tests that may not mount one: what Node writes through file handles fails as on a full disk. */
import { open } from "node:fs/promises";

/** The two functions of an open file that reach the disk. */
export interface Writes {
  write(this: unknown, bytes: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>;
  sync(this: unknown): Promise<void>;
}

export interface FullDisk extends Disposable {
  /** Bytes that it still takes. */
  readonly left: number;
}

/** Fills the disk after `room` bytes. It uses nothing outside of itself, because its text also runs in other processes. */
function fill(writes: Writes, room: number): FullDisk {
  const { write, sync } = writes;
  let left = room;
  const full = () => Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  writes.write = function (bytes, offset, length) {
    if (left === 0) return Promise.reject(full());
    // A disk takes the beginning of what it has no room for.
    const taken = Math.min(left, length);
    left -= taken;
    return write.call(this, bytes, offset, taken);
  };
  writes.sync = function () {
    return left === 0 ? Promise.reject(full()) : sync.call(this);
  };
  return {
    get left() {
      return left;
    },
    [Symbol.dispose]: () => void Object.assign(writes, { write, sync }),
  };
}

/** What this process writes fails after `room` bytes, until the disk is disposed. */
export async function fullDisk(room: number): Promise<FullDisk> {
  const handle = await open(process.execPath);
  await handle.close();
  return fill(Object.getPrototypeOf(handle), room);
}

/** The environment of a Node process for which the same is so. At its end it tells on stderr how many bytes it wrote. */
export function withFullDisk(room: number): NodeJS.ProcessEnv {
  const handle = `await (await import("node:fs/promises")).open(process.execPath)`;
  const disk = `const handle = ${handle}; await handle.close(); const disk = (${fill})(Object.getPrototypeOf(handle), ${room});`;
  const module = `${disk} process.on("exit", () => process.stderr.write("wrote " + (${room} - disk.left) + " bytes\\n"));`;
  return { ...process.env, NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(module)}` };
}
