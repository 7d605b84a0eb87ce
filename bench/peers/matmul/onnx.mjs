// Writes an ONNX model of one MatMulNBits: a few messages of protocol buffers, by field number (onnx.proto of ONNX).

function varint(value) {
  const bytes = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A field with an integer. */
const integer = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

/** A field with text, bytes or a message. */
function bytes(field, ...parts) {
  const content = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

const FLOAT = 1;
const UINT8 = 2;
/** The type of an attribute that is an integer. */
const ATTRIBUTE_INT = 2;

const attribute = (name, value) => bytes(5, bytes(1, name), integer(3, value), integer(20, ATTRIBUTE_INT));

function tensor(name, type, sizes, data) {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return bytes(5, ...sizes.map((size) => integer(1, size)), integer(2, type), bytes(8, name), bytes(9, raw));
}

/** A value of the graph: f32 [rows, columns] with any number of rows. */
function value(field, name, columns) {
  const shape = bytes(2, bytes(1, bytes(2, "rows")), bytes(1, integer(1, columns)));
  return bytes(field, bytes(1, name), bytes(2, bytes(1, integer(1, FLOAT), shape)));
}

/** Codes of 4 bits [n, k], two in a byte, the even column in the low half. */
function packCodes(codes) {
  const packed = new Uint8Array(codes.length / 2);
  for (let i = 0; i < packed.length; i++) packed[i] = codes[2 * i] | (codes[2 * i + 1] << 4);
  return packed;
}

/**
 * @param codes  Uint8Array [outputs, inputs]; their zero is 8
 * @param scales  Float32Array [outputs, inputs / groupSize]
 * @param accuracyLevel  4 lets the operator round its input to int8
 * @returns a model that computes "y" [rows, outputs] from "x" [rows, inputs]
 */
export function matMulNBits({ inputs, outputs, groupSize, codes, scales, accuracyLevel }) {
  const groups = inputs / groupSize;
  const node = bytes(
    1,
    ...["x", "codes", "scales"].map((name) => bytes(1, name)),
    ...[bytes(2, "y"), bytes(4, "MatMulNBits"), bytes(7, "com.microsoft")],
    ...[attribute("K", inputs), attribute("N", outputs), attribute("bits", 4)],
    ...[attribute("block_size", groupSize), attribute("accuracy_level", accuracyLevel)],
  );
  const graph = bytes(
    7,
    ...[node, bytes(2, "matmul")],
    tensor("codes", UINT8, [outputs, groups, groupSize / 2], packCodes(codes)),
    tensor("scales", FLOAT, [outputs * groups], scales),
    ...[value(11, "x", inputs), value(12, "y", outputs)],
  );
  const opset = (domain, version) => bytes(8, bytes(1, domain), integer(2, version));
  return Buffer.concat([integer(1, 8), graph, opset("", 17), opset("com.microsoft", 1)]);
}
