import { describe, expect, it } from "vitest";
import { nodeFile } from "../../src/adapter/node.ts";
import { memoryOutput } from "../../src/files/output.ts";
import { bytesSource, PIECE_BYTES, readAll } from "../../src/files/source.ts";
import { type DType, openSafetensors } from "../../src/format/safetensors.ts";
import {
  copyOf,
  encodeHeader,
  type TensorToWrite,
  tensorOf,
  writeSafetensors,
} from "../../src/format/safetensors-writer.ts";
import { readTensor } from "../../src/format/tensor-index.ts";
import { CHECKPOINTS } from "./gptq/gptq-checkpoints.ts";

async function written(tensors: readonly TensorToWrite[], metadata?: Record<string, string>): Promise<Uint8Array> {
  const output = memoryOutput();
  const sink = await output.file("x");
  const length = await writeSafetensors(sink, tensors, metadata);
  await sink.close();
  await output.commit();
  expect(output.files.get("x")).toHaveLength(length);
  return output.files.get("x")!;
}

describe("encodeHeader", () => {
  it("orders by alignment, widest first, then by name, pads to 8 bytes and says pt", () => {
    const spec = (name: string, dtype: DType) => ({ name, dtype, shape: [1] });
    const tensors = [
      spec("b", "F16"),
      spec("a", "U8"),
      spec("z", "I64"),
      spec("c", "F16"),
      spec("i", "I32"),
      spec("f", "F32"),
    ];
    const { bytes, order, fileBytes } = encodeHeader(tensors);
    expect(order.map(({ name }) => name)).toEqual(["z", "f", "i", "b", "c", "a"]);
    expect(bytes.length % 8).toBe(0);
    expect(fileBytes).toBe(bytes.length + 8 + 4 + 4 + 2 + 2 + 1);
    const text = new TextDecoder().decode(bytes.subarray(8));
    expect(text).toMatch(
      /^\{"__metadata__":\{"format":"pt"\},"z":\{"dtype":"I64","shape":\[1\],"data_offsets":\[0,8\]\},.*\} *$/,
    );
  });

  it("rejects a name that comes twice or is the metadata's own", () => {
    const tensor = { name: "a", dtype: "U8", shape: [1] } as const;
    expect(() => encodeHeader([tensor, tensor])).toThrow("tensor a: found the name a second time");
    expect(() => encodeHeader([{ ...tensor, name: "__metadata__" }])).toThrow(
      "tensor __metadata__: found the name a second time",
    );
  });
});

describe("writeSafetensors", () => {
  it("writes what openSafetensors reads, odd names and empty tensors too", async () => {
    const tensors = [
      tensorOf("__proto__", "F32", [2, 2], Float32Array.of(1, 2, 3, 4)),
      tensorOf('a "quoted" name', "U8", [3], Uint8Array.of(1, 2, 3)),
      tensorOf("empty", "F64", [0, 5], new Float64Array(0)),
      tensorOf("scalar", "I32", [], Int32Array.of(-7)),
    ];
    const file = await openSafetensors(bytesSource("x", await written(tensors, { format: "pt", note: "é" })));
    expect([...file.metadata]).toEqual([
      ["format", "pt"],
      ["note", "é"],
    ]);
    expect([...file.entries.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
      expect.arrayContaining(tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))),
    );
    const values = new Float32Array(4);
    await readTensor(file.entries.get("__proto__")!, new Uint8Array(values.buffer));
    expect([...values]).toEqual([1, 2, 3, 4]);
  });

  it("gives the same bytes as the reference writer", async () => {
    const source = await nodeFile(`${CHECKPOINTS[0].path}/expected.safetensors`);
    const file = await openSafetensors(source);
    const copy = await written(
      [...file.entries.values()].reverse().map((entry) => copyOf(entry)),
      Object.fromEntries(file.metadata),
    );
    expect(Buffer.compare(copy, await readAll(source, 1e6))).toBe(0);
    await file.close();
  });

  it("copies a tensor larger than a piece, under another name", async () => {
    const large = new Uint8Array(PIECE_BYTES + 5).map((_, i) => i % 251);
    const first = await openSafetensors(bytesSource("x", await written([tensorOf("a", "U8", [large.length], large)])));
    const second = await openSafetensors(bytesSource("y", await written([copyOf(first.entries.get("a")!, "b")])));
    const found = new Uint8Array(large.length);
    await readTensor(second.entries.get("b")!, found);
    expect(Buffer.compare(found, large)).toBe(0);
  });

  it("rejects a tensor whose bytes do not make its shape", async () => {
    await expect(written([tensorOf("a", "F32", [3], new Float32Array(2))])).rejects.toThrow(
      "tensor a: found 8 bytes to write, expected 12 for F32 [3]",
    );
  });
});
