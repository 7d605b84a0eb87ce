// Writes a model for speed as a GGUF file (version 3). Its weights are random, and rounded to one type.
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { BLOCK, normalNumbers, TYPES } from "./numbers.mjs";
import { metadataOf, shapeOf, tensorsOf } from "./shapes.mjs";
import { tokenizerOf } from "./vocabulary.mjs";

const ALIGNMENT = 32;
/** Values that are made and rounded at a time. */
const PIECE = 1 << 18;

const padded = (bytes) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Collects the header's bytes. */
class Header {
  #parts = [];
  u32(value) {
    this.#parts.push(Buffer.from(Uint32Array.of(value).buffer));
  }
  u64(value) {
    this.#parts.push(Buffer.from(BigUint64Array.of(BigInt(value)).buffer));
  }
  raw(bytes) {
    this.#parts.push(Buffer.from(bytes));
  }
  text(value) {
    const bytes = Buffer.from(value);
    this.u64(bytes.length);
    this.#parts.push(bytes);
  }
  bytes() {
    const all = Buffer.concat(this.#parts);
    return Buffer.concat([all], padded(all.length));
  }
}

/** A list of metadata: the number of its elements' type, their count, and the elements. */
function putList(header, type, values) {
  header.u32(9);
  header.u32(type);
  header.u64(values.length);
}

/** What writes a value of each type, with the type's number first. */
const PUT = {
  u32: (header, value) => {
    header.u32(4);
    header.u32(value);
  },
  f32: (header, value) => {
    header.u32(6);
    header.raw(Float32Array.of(value).buffer);
  },
  flag: (header, value) => {
    header.u32(7);
    header.raw([value ? 1 : 0]);
  },
  text: (header, value) => {
    header.u32(8);
    header.text(value);
  },
  texts: (header, values) => {
    putList(header, 8, values);
    for (const value of values) header.text(value);
  },
  i32s: (header, values) => {
    putList(header, 5, values);
    header.raw(Int32Array.from(values).buffer);
  },
  f32s: (header, values) => {
    putList(header, 6, values);
    header.raw(Float32Array.from(values).buffer);
  },
};

function headerOf(metadata, placed) {
  const header = new Header();
  header.raw(Buffer.from("GGUF"));
  header.u32(3);
  header.u64(placed.length);
  header.u64(metadata.length);
  for (const [key, type, value] of metadata) {
    header.text(key);
    PUT[type](header, value);
  }
  for (const { name, sizes, type, offset } of placed) {
    header.text(name);
    header.u32(sizes.length);
    for (const size of sizes) header.u64(size);
    header.u32(TYPES[type].id);
    header.u64(offset);
  }
  return header.bytes();
}

/** Gives each tensor its type, number of values, bytes and offset in the data. */
function place(tensors, quantisation) {
  let offset = 0;
  return tensors.map((tensor) => {
    const type = tensor.isVector ? "f32" : quantisation;
    const count = tensor.sizes.reduce((product, size) => product * size, 1);
    const bytes = (count / BLOCK) * TYPES[type].bytes;
    const placed = { ...tensor, type, count, bytes, offset };
    offset += padded(bytes);
    return placed;
  });
}

function writeTensor(file, { name, sizes, deviation, mean, rowFactor, type, count, bytes }) {
  const fill = normalNumbers(`${name}:${sizes.join("x")}`, deviation, mean);
  const { round, bytes: blockBytes } = TYPES[type];
  for (let done = 0; done < count; done += PIECE) {
    const values = new Float32Array(Math.min(PIECE, count - done));
    const out = new Uint8Array((values.length / BLOCK) * blockBytes);
    fill(values);
    if (rowFactor !== undefined)
      for (let i = 0; i < values.length; i++) values[i] *= rowFactor(Math.floor((done + i) / sizes[0]));
    round(values, out);
    writeSync(file, out);
  }
  writeSync(file, new Uint8Array(padded(bytes) - bytes));
}

/** Writes the model `name` ("granitemoe-1b") with weights of type q4_0, q8_0 or f32. The file appears when it is whole. */
export function writeModel(name, quantisation, path) {
  if (TYPES[quantisation] === undefined)
    throw new Error(`quantisation: found "${quantisation}", expected one of ${Object.keys(TYPES)}`);
  const shape = shapeOf(name);
  const placed = place(tensorsOf(shape), quantisation);
  const metadata = [...metadataOf(shape, TYPES[quantisation].fileType), ...tokenizerOf(shape)];
  const file = openSync(`${path}.part`, "w");
  try {
    writeSync(file, headerOf(metadata, placed));
    for (const tensor of placed) writeTensor(file, tensor);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.part`, path);
}
