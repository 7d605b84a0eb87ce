import { describe, expect, it } from "vitest";
import { bytesSource } from "../../../src/files/source.ts";
import { openGguf } from "../../../src/format/gguf/gguf-header.ts";
import { f32, type GgufParts, type GgufTensor, ggufBytes, text, texts, u32 } from "../../helpers/gguf.ts";

const open = (parts: GgufParts) => openGguf(bytesSource("m.gguf", ggufBytes(parts)));
const tensor = (name: string, sizes: readonly number[], type = 0, bytes = 128): GgufTensor => ({
  ...{ name, sizes, type },
  bytes: Uint8Array.from({ length: bytes }, (_, i) => i),
});

describe("openGguf", () => {
  it("reads values of every type", async () => {
    const numbers = { type: "array", of: "i32", values: [-1, 2] } as const;
    const { metadata } = await open({
      keys: {
        "general.architecture": text("llama"),
        "a.u8": { type: "u8", value: 200 },
        "a.i8": { type: "i8", value: -3 },
        "a.u16": { type: "u16", value: 65_535 },
        "a.i16": { type: "i16", value: -2 },
        "a.u32": u32(4_000_000_000),
        "a.i32": { type: "i32", value: -7 },
        "a.f32": f32(0.5),
        "a.f64": { type: "f64", value: 1e-6 },
        "a.u64": { type: "u64", value: 2 ** 40 },
        "a.i64": { type: "i64", value: -(2 ** 40) },
        "a.bool": { type: "bool", value: true },
        "a.texts": texts(["", "caf\u00e9", "a long text of plain letters"]),
        "a.numbers": numbers,
        "a.wide": { type: "array", of: "u64", values: [2 ** 40] },
        ["__proto__"]: text("a key like any other"),
      },
    });
    const values = metadata.keys().map((key) => (metadata.isArray(key) ? metadata.count(key) : metadata.get(key)));
    const wide = [2 ** 40, -(2 ** 40)];
    const plain = ["llama", 200, -3, 65_535, -2, 4_000_000_000, -7, 0.5, 1e-6, ...wide, true];
    expect(values).toEqual([...plain, 3, 2, 1, "a key like any other"]);
    expect(metadata.texts("a.texts")).toEqual(["", "caf\u00e9", "a long text of plain letters"]);
    expect(metadata.numbers("a.numbers")).toEqual(Int32Array.of(-1, 2));
    expect(metadata.numbers("a.wide")).toEqual(Float64Array.of(2 ** 40));
    expect(metadata.get("a.none")).toBeUndefined();
    expect(() => metadata.text("a.u8")).toThrow("m.gguf: a.u8: found 200, expected a text");
    expect(() => metadata.get("a.texts")).toThrow("m.gguf: a.texts: found an array of 3, expected one value");
    expect(() => metadata.texts("a.numbers")).toThrow("found an array of I32, expected an array of texts");
    expect(() => metadata.numbers("a.u8")).toThrow("found one U8, expected an array");
  });

  it.each([2, 3])("finds tensors of version %i with axes in row-major order", async (version) => {
    const tensors = [tensor("a", [4, 8]), tensor("b", [256, 1, 2], 12, 288), tensor("c", [32], 2, 18)];
    const keys = { "general.alignment": u32(64) };
    const file = await open({ keys, tensors, version, alignment: 64 });
    const found = [...file.tensors.values()].map(({ name, dtype, shape, byteLength }) => [
      name,
      dtype,
      shape,
      byteLength,
    ]);
    expect(found).toEqual([
      ["a", "F32", [8, 4], 128],
      ["b", "Q4_K", [2, 1, 256], 288],
      ["c", "Q4_0", [32], 18],
    ]);
    for (const { source, offset, byteLength } of file.tensors.values()) {
      expect(offset % 64).toBe(0);
      const bytes = new Uint8Array(byteLength);
      await source.read(offset, bytes);
      expect(bytes).toEqual(Uint8Array.from(bytes, (_, i) => i));
    }
  });

  const damaged: readonly (readonly [string, GgufParts, string])[] = [
    ["another version", { keys: {}, version: 1 }, "m.gguf: GGUF version: found version 1, expected one of 2, 3"],
    ["big-endian files", { keys: {}, version: 0x3000000 }, "found a big-endian file"],
    [
      "an alignment",
      { keys: { "general.alignment": u32(48) } },
      "general.alignment: found 48, expected a power of two",
    ],
    [
      "a name twice",
      { keys: {}, tensors: [tensor("a", [32]), tensor("a", [32])] },
      "tensor a: found the name a second time",
    ],
    [
      "a long name",
      { keys: {}, tensors: [tensor("a".repeat(65), [32])] },
      "found a text of 65 bytes, expected at most 64",
    ],
    ["five axes", { keys: {}, tensors: [tensor("a", [32, 1, 1, 1, 1])] }, "tensor a: found 5 axes, expected 1 to 4"],
    ["no axes", { keys: {}, tensors: [tensor("a", [])] }, "found 0 axes"],
    ["axes of nothing", { keys: {}, tensors: [tensor("a", [0, 4])] }, "found shape [4, 0], expected axes from 1"],
    ["Q8_K", { keys: {}, tensors: [tensor("a", [256], 15)] }, "tensor a: type: found Q8_K, expected one of F32, F16"],
    ["unknown types", { keys: {}, tensors: [tensor("a", [256], 99)] }, "tensor a: type: found number 99"],
    [
      "parts of a block",
      { keys: {}, tensors: [tensor("a", [128], 12)] },
      "found rows of 128 columns, expected a multiple of 256 for Q4_K",
    ],
    [
      "products too large",
      { keys: {}, tensors: [tensor("a", [2 ** 40, 2 ** 40])] },
      "expected axes from 1 and less than 2^53 bytes",
    ],
    ["tensors outside", { keys: {}, tensors: [tensor("a", [64])] }, "tensor a: found 256 bytes at offset 0"],
    [
      "tensors that overlap",
      { keys: {}, tensors: [tensor("a", [64]), tensor("b", [32])] },
      "tensor b: found it at offset 128, expected at least 256: tensors overlap",
    ],
    [
      "arrays of arrays",
      { keys: { a: { type: "array", of: "array" as "u8", values: [] } } },
      "m.gguf: a: found an array of arrays",
    ],
  ];
  it.each(damaged)("refuses %s", async (_, parts, message) => {
    await expect(open(parts)).rejects.toThrow(message);
  });

  it("refuses a key twice, types and lengths that cannot be, and texts that are no UTF-8", async () => {
    const twice = ggufBytes({ keys: { ab: u32(1), ac: u32(2) } });
    const [first, second] = [24 + 8 + 1, 24 + 8 + 2 + 8 + 8 + 1];
    const changed = (at: number, ...bytes: readonly number[]) => {
      const copy = twice.slice();
      copy.set(bytes, at);
      return openGguf(bytesSource("m.gguf", copy));
    };
    await expect(changed(second, "b".charCodeAt(0))).rejects.toThrow("m.gguf: ab: found the key a second time");
    await expect(changed(first + 1, 13)).rejects.toThrow("m.gguf: ab: found a value of type 13, expected 0 to 12");
    await expect(changed(first, 0xff)).rejects.toThrow("key 0: found bytes that are not UTF-8");
    await expect(changed(16, 255, 255)).rejects.toThrow("header: found 65535 keys, expected at most");
    await expect(changed(8, 255, 255)).rejects.toThrow("header: found 65535 tensors, expected at most");
    await expect(changed(16, 255, 255, 255, 255, 255, 255, 255)).rejects.toThrow("key count: found");
    await expect(changed(24, 255, 255, 2)).rejects.toThrow(
      "key 0: found a text of 196607 bytes, expected at most 65535",
    );
  });

  it("refuses a file that is cut anywhere in its header, and files of other formats", async () => {
    const whole = ggufBytes({ keys: { a: texts(["x", "yz"]), b: u32(1) }, tensors: [tensor("t", [32])] });
    for (let length = 0; length < whole.length; length++) {
      const cut = openGguf(bytesSource("m.gguf", whole.slice(0, length)));
      await expect(cut).rejects.toThrow(/^m\.gguf/);
    }
    const lfs = new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:0");
    await expect(openGguf(bytesSource("m.gguf", lfs))).rejects.toThrow("found a Git LFS pointer");
    await expect(openGguf(bytesSource("m.gguf", lfs.slice(3)))).rejects.toThrow('expected "GGUF"');
  });

  it("refuses lists that the file cannot hold before it makes room for them", async () => {
    const bytes = ggufBytes({ keys: { list: { type: "array", of: "f64", values: [1, 2] } } });
    new DataView(bytes.buffer).setBigUint64(24 + 8 + 4 + 8, 2n ** 50n, true);
    await expect(openGguf(bytesSource("m.gguf", bytes))).rejects.toThrow(
      "m.gguf: list: found an array of 1125899906842624",
    );
  });

  it("reads a large header in a few pieces and no tensor", async () => {
    const words = Array.from({ length: 150_000 }, (_, i) => `word ${i}`);
    const bytes = ggufBytes({
      keys: { "tokenizer.ggml.tokens": texts(words) },
      tensors: [tensor("t", [1 << 20], 0, 4 << 20)],
    });
    const ranges: number[] = [];
    const source = bytesSource("m.gguf", bytes);
    const { metadata, tensors } = await openGguf({
      ...{ name: source.name, size: source.size },
      read(offset, into) {
        ranges.push(into.length);
        return source.read(offset, into);
      },
    });
    expect(metadata.texts("tokenizer.ggml.tokens")?.at(-1)).toBe("word 149999");
    expect(ranges.length).toBeLessThan(5);
    expect(Math.max(...ranges)).toBeLessThan(tensors.get("t")?.byteLength ?? 0);
  });
});
