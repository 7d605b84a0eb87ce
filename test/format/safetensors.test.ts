import { describe, expect, it } from "vitest";
import { bytesSource, filesFolder } from "../../src/files/source.ts";
import { openTensorIndex } from "../../src/format/checkpoint.ts";
import { openSafetensors } from "../../src/format/safetensors.ts";
import { readTensor, requireTensor } from "../../src/format/tensor-index.ts";

/** A file with this header text and that many bytes behind it, counting up from 0. */
function file(header: string | object, bufferBytes: number, claimed?: number | bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + bufferBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(claimed ?? text.length), true);
  bytes.set(text, 8);
  for (let i = 0; i < bufferBytes; i++) bytes[8 + text.length + i] = i;
  return bytes;
}

const tensor = (dtype: string, shape: unknown, ...data_offsets: unknown[]) => ({ dtype, shape, data_offsets });
const open = (bytes: Uint8Array) => openSafetensors(bytesSource("x.safetensors", bytes));
const two = { __metadata__: { format: "pt" }, a: tensor("F32", [2, 3], 0, 24), b: tensor("U8", [4], 24, 28) };

describe("openSafetensors", () => {
  it("gives names, shapes, absolute offsets and metadata", async () => {
    const found = await open(file(two, 28));
    const start = 8 + JSON.stringify(two).length;
    expect([...found.entries.keys()]).toEqual(["a", "b"]);
    expect(requireTensor(found, "a")).toMatchObject({
      name: "a",
      dtype: "F32",
      shape: [2, 3],
      offset: start,
      byteLength: 24,
    });
    expect(requireTensor(found, "b")).toMatchObject({ dtype: "U8", shape: [4], offset: start + 24, byteLength: 4 });
    expect([...found.metadata]).toEqual([["format", "pt"]]);
  });

  it("accepts scalars, empty tensors, padding, an empty file and keys that other languages trip over", async () => {
    const odd = {
      __proto__x: tensor("F16", [], 0, 2),
      empty: tensor("F64", [0, 7], 2, 2),
      constructor: tensor("I8", [1], 2, 3),
    };
    const found = await open(file(`${JSON.stringify(odd).replace("__proto__x", "__proto__")}   `, 3));
    expect([...found.entries.keys()].sort()).toEqual(["__proto__", "constructor", "empty"]);
    expect((await open(file({}, 0))).entries.size).toBe(0);
  });

  it("counts the bytes of types smaller than one", async () => {
    const found = await open(file({ a: tensor("F4", [6], 0, 3), b: tensor("F6_E2M3", [4], 3, 6) }, 6));
    expect(requireTensor(found, "a").byteLength).toBe(3);
    await expect(open(file({ a: tensor("F4", [3], 0, 2) }, 2))).rejects.toThrow(
      "found 12 bits for F4 [3], expected whole bytes",
    );
  });

  it("rejects every truncation", async () => {
    const whole = file(two, 28);
    for (let length = 0; length < whole.length; length++)
      await expect(open(whole.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({ code: "FORMAT" });
    await expect(open(whole.subarray(0, whole.length - 1))).rejects.toThrow(/x\.safetensors: tensor b: .*cut short/);
  });

  const a = (...args: [string, unknown, ...unknown[]]) => ({ a: tensor(...args) });
  it.each([
    ["a header longer than the file", file("{}", 0, 3), "found a header of 3 bytes in a file of 10"],
    [
      "a header beyond the limit",
      file("{}", 0, 100_000_001),
      "found a header of 100000001 bytes, expected at most 100000000",
    ],
    ["a header length beyond 2^53", file("{}", 0, 2n ** 64n - 1n), "found a header of 18446744073709551615 bytes"],
    ["an empty header", file("", 0), 'header: found byte none, expected "{"'],
    ["a header that is no object", file("[]", 0), 'header: found byte 91, expected "{"'],
    ["leading space", file(" {}", 0), 'found byte 32, expected "{"'],
    ["broken JSON", file('{"a":', 0), "header: line 1, column 6: found the end of the text"],
    [
      "bytes that are not UTF-8",
      new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]),
      "header: found bytes that are not UTF-8",
    ],
    [
      "duplicate names",
      file(`{"a":${JSON.stringify(tensor("U8", [1], 0, 1))},"\\u0061":0}`, 1),
      'the key "a" a second time',
    ],
    ["an unknown dtype", file(a("F33", [1], 0, 4), 4), 'tensor a: found dtype "F33", expected one of BOOL'],
    ["a dtype that is a prototype's key", file(a("toString", [1], 0, 4), 4), 'found dtype "toString"'],
    ["no dtype", file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), "tensor a: found dtype nothing"],
    [
      "another field",
      file({ a: { ...tensor("U8", [1], 0, 1), strides: [1] } }, 1),
      'tensor a: found the field "strides"',
    ],
    ["a tensor that is no object", file({ a: 1 }, 0), "tensor a: found 1, expected a JSON object"],
    ["a negative length", file(a("U8", [-1], 0, 1), 1), "tensor a: shape: found -1"],
    ["a length that is no whole number", file(a("U8", [1.5], 0, 1), 1), "tensor a: shape: found 1.5"],
    ["a shape that is a string", file(a("U8", "2", 0, 1), 1), 'tensor a: shape: found "2", expected an array'],
    [
      "a shape whose product overflows",
      file(a("F32", [2 ** 40, 2 ** 40, 0], 0, 0), 0),
      "expected a tensor of less than 2^50 bytes",
    ],
    ["sizes that differ", file(a("F32", [2], 0, 4), 4), "found 4 bytes (data_offsets [0, 4]), expected 8 for F32 [2]"],
    ["offsets that run backwards", file(a("U8", [1], 2, 1), 2), "found data_offsets [2, 1]"],
    ["one offset", file(a("U8", [1], 1), 2), "found data_offsets [1]"],
    ["negative offsets", file(a("U8", [1], -1, 0), 2), "data_offsets: found -1"],
    ["offsets behind the end", file(a("U8", [9], 0, 9), 8), "expected them inside"],
    [
      "offsets beyond 2^53",
      file('{"a":{"dtype":"U8","shape":[1],"data_offsets":[9007199254740993,9007199254740994]}}', 2),
      "data_offsets: found 9007199254740992",
    ],
    [
      "overlapping tensors",
      file({ a: tensor("U8", [4], 0, 4), b: tensor("U8", [4], 2, 6) }, 6),
      "tensor b: found it at offset 2 of the buffer, expected 4: tensors overlap",
    ],
    [
      "a hole",
      file({ a: tensor("U8", [2], 0, 2), b: tensor("U8", [2], 3, 5) }, 5),
      "tensor b: found it at offset 3 of the buffer, expected 2: tensors leave a hole",
    ],
    ["a hole at the beginning", file(a("U8", [2], 1, 3), 3), "expected 0: tensors leave a hole"],
    ["bytes behind the last tensor", file(a("U8", [2], 0, 2), 3), "found 1 bytes after the last tensor, expected none"],
    ["metadata that is no text", file({ __metadata__: { n: 1 } }, 0), "__metadata__.n: found 1, expected a string"],
    ["metadata that is no object", file({ __metadata__: "pt" }, 0), '__metadata__: found "pt", expected a JSON object'],
    ["nesting without end", file(`{"a":${"[".repeat(5000)}`, 0), "found deeper nesting, expected at most 8 levels"],
  ])("rejects %s", async (_, bytes, message) => {
    await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(message) });
    await expect(open(bytes)).rejects.toThrow(/^x\.safetensors: /);
  });
});

describe("readTensor", () => {
  it("reads exactly the tensor's bytes", async () => {
    const found = await open(file(two, 28));
    const into = new Uint8Array(4);
    await readTensor(requireTensor(found, "b"), into);
    expect([...into]).toEqual([24, 25, 26, 27]);
  });

  it("rejects a view of another length", async () => {
    const found = await open(file(two, 28));
    await expect(readTensor(requireTensor(found, "b"), new Uint8Array(5))).rejects.toMatchObject({ code: "USAGE" });
  });

  it("names the tensor when the file has shrunk since it was opened", async () => {
    const bytes = file(two, 28);
    const source = bytesSource("x.safetensors", bytes);
    const shrunk = {
      ...source,
      read: (offset: number, into: Uint8Array) =>
        offset < 200 && into.length !== 4
          ? source.read(offset, into)
          : bytesSource("x.safetensors", bytes.subarray(0, 9)).read(offset, into),
    };
    const found = await openSafetensors(shrunk);
    await expect(readTensor(requireTensor(found, "b"), new Uint8Array(4))).rejects.toThrow(
      /^tensor b: x\.safetensors: found 9 bytes/,
    );
  });
});

describe("openTensorIndex", () => {
  const shardA = file({ a: tensor("U8", [1], 0, 1) }, 1);
  const shardB = file({ b: tensor("U8", [2], 0, 2), extra: tensor("U8", [1], 2, 3) }, 3);
  const index = (weight_map: object) =>
    new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 3 }, weight_map }));
  const folder = (files: Record<string, Uint8Array>) => filesFolder("model", files);
  const good = { a: "m-1.safetensors", b: "m-2.safetensors" };
  const shards = { "m-1.safetensors": shardA, "m-2.safetensors": shardB };

  it("takes model.safetensors, or else the only file", async () => {
    expect([
      ...(await openTensorIndex(folder({ "model.safetensors": shardA, "other.safetensors": shardB }))).entries.keys(),
    ]).toEqual(["a"]);
    expect(
      (await openTensorIndex(folder({ "gptq_model-4bit.safetensors": shardB, "config.json": index({}) }))).entries.size,
    ).toBe(2);
  });

  it("joins shards, with tensors that only the shard lists", async () => {
    const found = await openTensorIndex(folder({ ...shards, "model.safetensors.index.json": index(good) }));
    expect([...found.entries.keys()]).toEqual(["a", "b", "extra"]);
    expect(requireTensor(found, "b").source.name).toBe("model/m-2.safetensors");
    expect(() => requireTensor(found, "c")).toThrow('model: found no tensor "c" among 3');
  });

  it.each([
    ["no file", {}, "FILE", "model: found no .safetensors file, expected model.safetensors"],
    [
      "several files and no index",
      shards,
      "FILE",
      "model: found 2 .safetensors files (m-1.safetensors, m-2.safetensors...)",
    ],
    [
      "a missing shard",
      { "m-1.safetensors": shardA, "model.safetensors.index.json": index(good) },
      "FILE",
      "model/m-2.safetensors: found no such file, expected the shard that model.safetensors.index.json names for tensor b",
    ],
    [
      "a missing tensor",
      { ...shards, "model.safetensors.index.json": index({ ...good, c: "m-1.safetensors" }) },
      "FORMAT",
      'model/m-1.safetensors: found no tensor "c"',
    ],
    [
      "a tensor in another shard than the index says",
      {
        ...shards,
        "model.safetensors.index.json": index({ a: "m-2.safetensors", b: "m-2.safetensors", x: "m-1.safetensors" }),
      },
      "FORMAT",
      "model/m-1.safetensors: tensor a: found it here, expected it in one shard only (model.safetensors.index.json says m-2.safetensors)",
    ],
    [
      "a tensor in two shards",
      {
        "m-1.safetensors": shardB,
        "m-2.safetensors": file({ c: tensor("U8", [1], 0, 1), extra: tensor("U8", [1], 1, 2) }, 2),
        "model.safetensors.index.json": index({ b: "m-1.safetensors", c: "m-2.safetensors" }),
      },
      "FORMAT",
      "model/m-2.safetensors: tensor extra: found it here",
    ],
    [
      "a path instead of a name",
      { "model.safetensors.index.json": index({ a: "../m-1.safetensors" }) },
      "FORMAT",
      'weight_map["a"]: found "../m-1.safetensors", expected the name of a .safetensors file in the same folder',
    ],
    [
      "a Windows path",
      { "model.safetensors.index.json": index({ a: "C:\\m-1.safetensors" }) },
      "FORMAT",
      'weight_map["a"]: found',
    ],
    [
      "a file name that is no text",
      { "model.safetensors.index.json": index({ a: 1 }) },
      "FORMAT",
      'weight_map["a"]: found 1',
    ],
    [
      "no weight_map",
      { "model.safetensors.index.json": new TextEncoder().encode("{}") },
      "FORMAT",
      "weight_map: found nothing, expected a JSON object",
    ],
    [
      "a broken shard",
      {
        "m-1.safetensors": shardA.subarray(0, 20),
        "m-2.safetensors": shardB,
        "model.safetensors.index.json": index(good),
      },
      "FORMAT",
      "model/m-1.safetensors: found a header of",
    ],
  ])("rejects %s", async (_, files, code, message) => {
    await expect(openTensorIndex(folder(files as Record<string, Uint8Array>))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});
