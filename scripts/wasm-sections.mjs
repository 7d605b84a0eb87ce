// Reads and writes the sections of a WebAssembly module, and the numbers (LEB128) and texts in them.

/** Every section: its id, where it begins with its id, and where its content begins and ends. */
export function* sections(bytes) {
  const reader = new Reader(bytes, 8, bytes.length);
  while (reader.at < bytes.length) {
    const from = reader.at;
    const id = reader.number();
    const size = reader.number();
    yield { id, from, begin: reader.at, end: reader.at + size };
    reader.at += size;
  }
}

/** A copy of a module in which the sections `id` are what `change` makes of their content: a section, or undefined for none. */
export function changedModule(bytes, id, change) {
  const parts = [bytes.subarray(0, 8)];
  for (const { id: found, from, begin, end } of sections(bytes)) {
    const part = found === id ? change(new Reader(bytes, begin, end)) : bytes.subarray(from, end);
    if (part !== undefined) parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Reads numbers (LEB128) and texts one after the other. */
export class Reader {
  constructor(bytes, at, end) {
    Object.assign(this, { bytes, at, end });
  }
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  /** The next `size` bytes. */
  part(size) {
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }
  /** A count, then so many elements. */
  list(read) {
    return Array.from({ length: this.number() }, read);
  }
  text() {
    return this.part(this.number()).toString("utf8");
  }
}

export function number(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

export function text(value) {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([number(bytes.length), bytes]);
}

export function section(id, ...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([number(id), number(body.length), body]);
}
