// Reads the metadata of a GGUF file: enough to know its architecture and the size of its vocabulary.
import { closeSync, openSync, readSync } from "node:fs";

/** Bytes that the metadata of the models here fit in. */
const HEAD_BYTES = 32 << 20;
const SIZES = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** @returns a Map of key to number, string or { length } of an array. */
export function readGgufHead(file) {
  const descriptor = openSync(file, "r");
  const bytes = Buffer.alloc(HEAD_BYTES);
  readSync(descriptor, bytes, 0, HEAD_BYTES, 0);
  closeSync(descriptor);
  let at = 16;
  const skip = (size) => {
    at += size;
    return at - size;
  };
  const long = () => Number(bytes.readBigUInt64LE(skip(8)));
  const word = () => bytes.readUInt32LE(skip(4));
  const text = () => {
    const length = long();
    const from = skip(length);
    return bytes.toString("utf8", from, from + length);
  };
  const value = (type) => {
    if (type === 8) return text();
    if (type === 9) return array(word(), long());
    const from = skip(SIZES[type]);
    if (type === 6) return bytes.readFloatLE(from);
    return SIZES[type] === 4 ? bytes.readUInt32LE(from) : bytes[from];
  };
  const array = (type, length) => {
    for (let i = 0; i < length; i++) value(type);
    return { length };
  };
  const head = new Map();
  const keys = long();
  for (let i = 0; i < keys; i++) {
    const key = text();
    head.set(key, value(word()));
  }
  return head;
}

export const vocabularyOf = (file) => readGgufHead(file).get("tokenizer.ggml.tokens").length;
