/** Changes a module that imports a plain memory so that it imports a shared memory: one flag in the import section. */
import { FormatError } from "../base/errors.ts";

const IMPORT_SECTION = 2;
const KIND_MEMORY = 2;
const LIMITS_WITH_MAXIMUM = 1;
const LIMITS_SHARED = 3;

/** @returns a copy of `bytes` whose imported memory is shared. The memory must have a maximum, as that of our kernels does. */
export function shareMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  let at = 8;
  const leb = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = copy[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  };
  const skipName = () => {
    const length = leb(); // first the length, which moves `at`
    at += length;
  };
  while (at < copy.length) {
    const section = copy[at++];
    const end = leb() + at;
    if (section === IMPORT_SECTION) {
      leb(); // the number of imports; our kernels have one, the memory
      skipName();
      skipName();
      if (copy[at++] === KIND_MEMORY && copy[at] === LIMITS_WITH_MAXIMUM) {
        copy[at] = LIMITS_SHARED;
        return copy;
      }
    }
    at = end;
  }
  throw new FormatError("kernels", "the module imports no memory with a maximum");
}
