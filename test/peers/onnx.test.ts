/** The ONNX model of one MatMulNBits that bench/peers writes, read back field by field. */
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

interface Onnx {
  matMulNBits(settings: {
    readonly inputs: number;
    readonly outputs: number;
    readonly groupSize: number;
    readonly codes: Uint8Array;
    readonly scales: Float32Array;
    readonly accuracyLevel: number;
  }): Uint8Array;
}
const { matMulNBits } = (await import(repositoryFile("bench/peers/matmul/onnx.mjs"))) as unknown as Onnx;

type Field = { readonly field: number; readonly value: number; readonly bytes: Uint8Array };

/** The fields of a message: integers and contents. */
function fieldsOf(message: Uint8Array): readonly Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = message[at++];
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const value = varint();
    const isContent = (key & 7) === 2;
    found.push({ field: key >> 3, value, bytes: isContent ? message.slice(at, at + value) : new Uint8Array() });
    if (isContent) at += value;
  }
  return found;
}
const all = (message: Uint8Array, field: number) => fieldsOf(message).filter((each) => each.field === field);
const text = ({ bytes }: Field) => new TextDecoder().decode(bytes);

describe("matMulNBits", () => {
  const codes = Uint8Array.from({ length: 2 * 64 }, (_, i) => i % 16);
  const scales = Float32Array.of(1, 2, 3, 4);
  const model = new Uint8Array(matMulNBits({ inputs: 64, outputs: 2, groupSize: 32, codes, scales, accuracyLevel: 4 }));
  const [graph] = all(model, 7);
  const [node] = all(graph.bytes, 1);

  it("names the operator, its inputs and its attributes", () => {
    expect(all(node.bytes, 4).map(text)).toEqual(["MatMulNBits"]);
    expect(all(node.bytes, 7).map(text)).toEqual(["com.microsoft"]);
    expect(all(node.bytes, 1).map(text)).toEqual(["x", "codes", "scales"]);
    const attributes = all(node.bytes, 5).map(({ bytes }) => [text(all(bytes, 1)[0]), all(bytes, 3)[0].value]);
    expect(Object.fromEntries(attributes)).toEqual({ K: 64, N: 2, bits: 4, block_size: 32, accuracy_level: 4 });
  });

  it("has the domains' versions", () => {
    const versions = all(model, 8).map(({ bytes }) => [text(all(bytes, 1)[0]), all(bytes, 2)[0].value]);
    expect(versions).toEqual([
      ["", 17],
      ["com.microsoft", 1],
    ]);
  });

  it("packs two codes in a byte, the even column in the low half, and keeps the scales", () => {
    const [first, second] = all(graph.bytes, 5).map(({ bytes }) => bytes);
    expect(all(first, 1).map(({ value }) => value)).toEqual([2, 2, 16]);
    const [{ bytes: packed }] = all(first, 9);
    expect([...packed.slice(0, 3)]).toEqual([0x10, 0x32, 0x54]);
    expect(all(second, 1).map(({ value }) => value)).toEqual([4]);
    expect(new Float32Array(all(second, 9)[0].bytes.buffer)).toEqual(scales);
  });

  it("takes any number of rows", () => {
    const [{ bytes: type }] = all(all(graph.bytes, 11)[0].bytes, 2);
    const [{ bytes: shape }] = all(all(type, 1)[0].bytes, 2);
    const [rows, columns] = all(shape, 1).map(({ bytes }) => bytes);
    expect(all(rows, 2).map(text)).toEqual(["rows"]);
    expect(all(columns, 1).map(({ value }) => value)).toEqual([64]);
  });
});
