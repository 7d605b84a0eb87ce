/** Files that nobody vouches for. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { openReference } from "../../../src/eval/compare/saved-reference.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { encodeHeader, type TensorSpec } from "../../../src/format/safetensors-writer.ts";

interface Parts {
  metadata: Record<string, string>;
  tensors: Record<string, TensorSpec & { data: Uint8Array | Uint16Array | Int32Array }>;
}

const IDS = [0, 1, 2, 2, 1];
const sha256 = (ids: readonly number[]) => createHash("sha256").update(Int32Array.from(ids)).digest("hex");

/** Two windows, of three and two tokens, of a model with 3 words and 300 experts, two of them a token, in layers 1 and 2. */
function parts(): Parts {
  const tensor = (name: string, dtype: TensorSpec["dtype"], shape: number[], data: Uint16Array | Int32Array) => ({
    [name]: { name, dtype, shape, data },
  });
  const experts = Uint16Array.from({ length: 5 * 2 * 2 }, (_, i) => 14 * i + (i & 1));
  return {
    metadata: {
      ...{ format: "quern-reference", version: "1", model: "tiny", model_sha256: "0".repeat(64) },
      ...{ activations: "f32", activation_group: "32", kernels: "0 base", protocol: "given", ids_sha256: sha256(IDS) },
      ...{ vocab_size: "3", layers: "3", experts: "300", experts_per_token: "2", moe_layers: "1,2" },
    },
    tensors: {
      ...tensor("lengths", "I32", [2], Int32Array.of(3, 2)),
      ...tensor("ids", "I32", [5], Int32Array.from(IDS)),
      ...tensor("codes", "U16", [3, 3], Uint16Array.of(0, 65535, 32768, 65535, 0, 1, 2, 0, 3)),
      ...tensor("ranges", "U16", [3], Uint16Array.of(512, 1024, 0)),
      ...tensor("experts", "U16", [5, 2, 2], experts),
    },
  };
}

function bytesOf(change: (parts: Parts) => void = () => undefined): Uint8Array {
  const all = parts();
  change(all);
  const header = encodeHeader(Object.values(all.tensors), all.metadata);
  const pieces = header.order.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  return Buffer.concat([header.bytes, ...pieces]);
}

const open = (bytes: Uint8Array) => openReference(bytesSource("ref.safetensors", bytes));
const turns = new Turns();

describe("openReference", () => {
  it("reads windows by ranges: logits, and routes by layer", async () => {
    const reference = await open(bytesOf());
    expect(reference.windows).toEqual([
      [0, 1, 2],
      [2, 1],
    ]);
    const first = await reference.window(0, reference.windows[0], turns);
    expect(first.routes).toEqual([Int32Array.of(0, 15, 56, 71, 112, 127), Int32Array.of(28, 43, 84, 99, 140, 155)]);
    const rows = new Float32Array(8).fill(9);
    first.copyLogits(rows, 4, 0, 2);
    expect(Array.from(rows, (value) => Math.abs(Math.round(1e4 * value)) / 1e4)).toEqual([0, 1, 0.25, 9, 2, 0, 0, 9]);
    const second = await reference.window(1, reference.windows[1], turns);
    expect(second.routes[0]).toEqual(Int32Array.of(168, 183, 224, 239));
    second.copyLogits(rows, 4, 0, 1);
    expect(Array.from(rows.subarray(0, 4), Math.abs)).toEqual([0, 0, 0, 9]);
  });

  it("refuses a file cut short, wherever", async () => {
    const whole = bytesOf();
    for (const length of [0, 7, 8, 100, whole.length - 60, whole.length - 1])
      await expect(open(whole.subarray(0, length))).rejects.toMatchObject({ code: "FORMAT" });
    await expect(open(Buffer.concat([whole, Buffer.of(0)]))).rejects.toThrow("1 bytes after the last tensor");
  });

  it("closes what it refuses", async () => {
    let closed = 0;
    const source = { ...bytesSource("ref.safetensors", bytesOf().subarray(0, 9)), close: async () => void closed++ };
    await expect(openReference(source)).rejects.toMatchObject({ code: "FORMAT" });
    expect(closed).toBe(1);
  });

  it.each<[string, string | undefined, string]>([
    ["format", "pt", 'format: found "pt", expected quern-reference'],
    ["version", "2", 'version: found "2", expected 1'],
    ["version", undefined, "version: found nothing, expected 1"],
    ["protocol", "strided", 'protocol: found "strided", expected windows or given'],
    ["activations", "f64", 'activations: found "f64"'],
    ["model_sha256", "abc", 'model_sha256: found "abc", expected a SHA-256 in hex'],
    ["vocab_size", "NaN", 'vocab_size: found "NaN", expected a whole number from 1'],
    ["experts_per_token", "301", 'experts_per_token: found "301", expected at most the 300 experts'],
    ["moe_layers", "2,1", 'moe_layers: found "2,1", expected ascending numbers of layers below 3'],
    ["moe_layers", "1,3", 'moe_layers: found "1,3"'],
    ["vocab_size", "4", "tensor codes: found U16 [3, 3], expected U16 [3, 4]"],
    ["experts", "200", "tensor experts: found U16 [5, 2, 2], expected U8 [5, 2, 2]"],
    ["ids_sha256", "f".repeat(64), "tensor ids: found SHA-256 "],
  ])("refuses %s %s", async (key, value, sentence) => {
    const bytes = bytesOf(({ metadata }) => {
      if (value === undefined) delete metadata[key];
      else metadata[key] = value;
    });
    await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(sentence) });
    await expect(open(bytes)).rejects.toThrow("ref.safetensors: ");
  });

  it.each<[string, number, number, string]>([
    ["ids", 3, 3, "tensor ids: found id 3 at token 3, expected 0 to 2"],
    ["ids", 0, -1, "tensor ids: found id -1 at token 0"],
    ["lengths", 0, 1, "found 1 tokens for window 0, expected 2 to 5"],
    ["lengths", 1, 3, "found 3 tokens for window 1, expected 2 to 2"],
    ["lengths", 0, 2, "found 4 tokens in 2 windows, expected 5"],
  ])("refuses %s whose value %i is %i", async (name, place, value, sentence) => {
    const bytes = bytesOf(({ tensors }) => {
      tensors[name].data[place] = value;
    });
    await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(sentence) });
  });

  it.each<[string, Partial<TensorSpec>, string]>([
    ["ranges", { name: "other" }, 'found no tensor "ranges" among 5'],
    ["codes", { dtype: "F16" }, "tensor codes: found F16 [3, 3], expected U16 [3, 3]"],
    ["lengths", { shape: [2, 1] }, "tensor lengths: found I32 [2, 1], expected I32 [2]"],
  ])("refuses %s as %o", async (name, change, sentence) => {
    const bytes = bytesOf(({ tensors }) => {
      tensors[name] = { ...tensors[name], ...change };
    });
    await expect(open(bytes)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(sentence) });
  });

  it.each([
    [[210, 300], "found expert 300 of token 3, layer 2, expected ascending ones below 300"],
    [[210, 210], "found expert 210 of token 3, layer 2"],
  ])("refuses the experts %j where their window is read", async (set, sentence) => {
    const reference = await open(bytesOf(({ tensors }) => tensors["experts"].data.set(set, 14)));
    await reference.window(0, reference.windows[0], turns);
    await expect(reference.window(1, reference.windows[1], turns)).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining(sentence),
    });
  });
});
