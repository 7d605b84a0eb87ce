// Shortens the names of functions in a built module, which profilers show: `tile<i8>` without the paths of the sources.

const CUSTOM = 0;
const FUNCTION_NAMES = 1;

/** @returns a copy of `bytes` whose name section names the functions only, each without paths. */
export function shortenNames(bytes) {
  const parts = [bytes.subarray(0, 8)];
  for (const { id, from, begin, end } of sections(bytes)) {
    if (id !== CUSTOM) {
      parts.push(bytes.subarray(from, end));
      continue;
    }
    const body = new Reader(bytes, begin, end);
    if (body.text() === "name") parts.push(section(CUSTOM, text("name"), functionNames(body)));
  }
  return Buffer.concat(parts);
}

function functionNames(reader) {
  while (reader.at < reader.end) {
    const [id, size] = [reader.number(), reader.number()];
    if (id !== FUNCTION_NAMES) {
      reader.at += size;
      continue;
    }
    const count = reader.number();
    const entries = [number(count)];
    for (let i = 0; i < count; i++)
      entries.push(number(reader.number()), text(reader.text().replaceAll(/[\w/~-]*\//g, "")));
    return section(FUNCTION_NAMES, ...entries);
  }
  throw new Error("the built module names no functions");
}

function* sections(bytes) {
  const reader = new Reader(bytes, 8, bytes.length);
  while (reader.at < bytes.length) {
    const from = reader.at;
    const id = reader.number();
    const size = reader.number();
    yield { id, from, begin: reader.at, end: reader.at + size };
    reader.at += size;
  }
}

/** Reads numbers (LEB128) and texts one after the other. */
class Reader {
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
  text() {
    const size = this.number();
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at).toString("utf8");
  }
}

function number(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

function text(value) {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([number(bytes.length), bytes]);
}

function section(id, ...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([number(id), number(body.length), body]);
}
