/** Reads the names of functions that a WebAssembly module carries for profilers. */

/** The names in the order of the functions' indices. @throws RangeError if the module has no such names. */
export function functionNames(module: Uint8Array): string[] {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const text = () => {
    const size = number();
    at += size;
    return new TextDecoder().decode(module.subarray(at - size, at));
  };
  while (at < module.length) {
    const [id, size] = [number(), number()];
    const end = at + size;
    // The custom section "name" begins with its part of functions' names, whose id is 1.
    if (id === 0 && text() === "name" && number() === 1) {
      number();
      return Array.from({ length: number() }, () => {
        number();
        return text();
      });
    }
    at = end;
  }
  throw new RangeError("the module names no functions");
}
