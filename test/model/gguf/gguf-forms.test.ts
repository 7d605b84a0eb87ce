/** Other forms of the same tensors: one for each expert, both halves in one, Llama 3's factors, biases of paired rows, split files. */
import { describe, expect, it } from "vitest";
import { filesFolder } from "../../../src/files/source.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { loadModel } from "../../../src/web.ts";
import { type GgufTensor, ggufBytes, u32 } from "../../helpers/gguf.ts";
import { floats, tinyGguf, tinyKeys, tinyTensors } from "../../helpers/gguf-model.ts";
import { naiveLogits } from "../../reference/gguf-model.ts";

const IDS = Array.from({ length: 12 }, (_, i) => (7 * i + 3) % 64);

async function logitsOf(files: Readonly<Record<string, Uint8Array>>): Promise<Float32Array> {
  await using model = await loadModel(files, { activations: "f32" });
  return (await model.logits(IDS)).data;
}

/** Replaces the gate and up tensors of the experts. */
function withExperts(change: (gate: GgufTensor, up: GgufTensor) => readonly GgufTensor[]): Uint8Array {
  const tensors = tinyTensors("mixtral", "Q8_0");
  const named = (name: string) => tensors.find((tensor) => tensor.name === name)!;
  const changed = [0, 1].flatMap((layer) => {
    return change(named(`blk.${layer}.ffn_gate_exps.weight`), named(`blk.${layer}.ffn_up_exps.weight`));
  });
  const kept = tensors.filter(({ name }) => !/ffn_(?:gate|up)_exps/.test(name));
  return ggufBytes({ keys: tinyKeys("mixtral"), tensors: [...kept, ...changed] });
}

describe("tensors of experts", () => {
  it("may be one for each expert", async () => {
    const single = withExperts((...both) =>
      both.flatMap(({ name, sizes, type, bytes }) =>
        Array.from({ length: 4 }, (_, expert) => ({
          ...{ name: name.replace("_exps", `.${expert}`), sizes: sizes.slice(0, 2), type },
          bytes: bytes.subarray((expert * bytes.length) / 4, ((expert + 1) * bytes.length) / 4),
        })),
      ),
    );
    expect(await logitsOf({ "m.gguf": single })).toEqual(
      await logitsOf({ "m.gguf": tinyGguf("mixtral", { type: "Q8_0" }) }),
    );
  });

  it("may have gate and up in one", async () => {
    const merged = withExperts((gate, up) => {
      const part = gate.bytes.length / 4;
      const pieces = [0, 1, 2, 3].flatMap((expert) =>
        [gate, up].map(({ bytes }) => bytes.subarray(expert * part, (expert + 1) * part)),
      );
      const name = gate.name.replace("gate", "gate_up");
      return [
        { ...gate, name, sizes: [gate.sizes[0], 2 * gate.sizes[1], 4], bytes: new Uint8Array(Buffer.concat(pieces)) },
      ];
    });
    expect(await logitsOf({ "m.gguf": merged })).toEqual(
      await logitsOf({ "m.gguf": tinyGguf("mixtral", { type: "Q8_0" }) }),
    );
  });
});

/** Factors of frequencies as the converter of llama.cpp computes them. */
function factorsOf(factor: number, low: number, high: number, trained: number): Float32Array {
  return Float32Array.from({ length: 32 }, (_, i) => {
    const wave = 2 * Math.PI * 10_000 ** ((2 * i) / 64);
    if (wave < trained / high) return 1;
    if (wave > trained / low) return factor;
    const smooth = (trained / wave - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

describe("factors of frequencies", () => {
  it.each([
    [8, 1, 4, 8192],
    [32, 1, 4, 8192],
    [4, 1, 2, 300],
    [8, 2, 16, 64],
  ])("of Llama 3 (%i, %i to %i turns of %i) compute what the tensor says", async (...settings) => {
    const factors = new Uint8Array(factorsOf(...settings).buffer);
    const bytes = tinyGguf("llama", { tensors: [{ name: "rope_freqs.weight", sizes: [32], type: 0, bytes: factors }] });
    const found = await logitsOf({ "m.gguf": bytes });
    const expected = naiveLogits(bytes, IDS);
    found.forEach((value, i) => {
      expect(Math.abs(value - expected[Math.floor(i / 64)][i % 64])).toBeLessThan(1e-3);
    });
  });

  it("of another rule are refused", async () => {
    const tensor = {
      name: "rope_freqs.weight",
      sizes: [32],
      type: 0,
      bytes: new Uint8Array(new Float32Array(32).fill(1).map((_, i) => 1 + i * i).buffer),
    };
    await expect(logitsOf({ "m.gguf": tinyGguf("llama", { tensors: [tensor] }) })).rejects.toThrow(
      "found factors of another rule",
    );
  });
});

describe("rows in pairs", () => {
  it("are put in order in biases too", async () => {
    const biases = [0, 1].flatMap((layer) =>
      Object.entries({ q: 256, k: 128, v: 128, output: 256 }).map(([part, rows]) =>
        floats(`blk.${layer}.attn_${part}.bias`, [rows], part === "output" ? 0 : 0.5),
      ),
    );
    const bytes = tinyGguf("deepseek", { tensors: biases });
    const found = await logitsOf({ "m.gguf": bytes });
    const expected = naiveLogits(bytes, IDS);
    found.forEach((value, i) => {
      expect(Math.abs(value - expected[Math.floor(i / 64)][i % 64])).toBeLessThan(1e-3);
    });
  });
});

describe("split files", () => {
  const tensors = tinyTensors("qwen3", "Q4_0");
  const u16 = (value: number) => ({ type: "u16", value }) as const;
  const part = (no: number, count: number, total = tensors.length) => ({
    "split.no": u16(no),
    "split.count": u16(count),
    "split.tensors.count": u32(total),
  });
  const files = {
    "m-00001-of-00002.gguf": ggufBytes({ keys: { ...tinyKeys("qwen3"), ...part(0, 2) }, tensors: tensors.slice(0, 7) }),
    "m-00002-of-00002.gguf": ggufBytes({ keys: part(1, 2), tensors: tensors.slice(7) }),
  };
  const first = files["m-00001-of-00002.gguf"];
  const open = (changed: Readonly<Record<string, Uint8Array>>) => readModelFiles(filesFolder("model", changed));

  it("open as one model", async () => {
    expect(await logitsOf(files)).toEqual(await logitsOf({ "m.gguf": tinyGguf("qwen3", { type: "Q4_0" }) }));
  });

  it("are refused where they do not fit together", async () => {
    await expect(open({ "m-00001-of-00002.gguf": first })).rejects.toThrow("m-00002-of-00002.gguf: found no such file");
    await expect(open({ "m.gguf": first })).rejects.toThrow("m.gguf: split.count: found one of 2 parts");
    const again = ggufBytes({ keys: part(0, 2), tensors: tensors.slice(7) });
    await expect(open({ ...files, "m-00002-of-00002.gguf": again })).rejects.toThrow("split.no: found 0, expected 1");
    const other = ggufBytes({ keys: part(1, 3), tensors: tensors.slice(7) });
    await expect(open({ ...files, "m-00002-of-00002.gguf": other })).rejects.toThrow(
      "split.count: found 3, expected 2",
    );
    const twice = ggufBytes({ keys: part(1, 2), tensors: tensors.slice(6) });
    await expect(open({ ...files, "m-00002-of-00002.gguf": twice })).rejects.toThrow("found it in an earlier part too");
    const fewer = ggufBytes({ keys: part(1, 2), tensors: tensors.slice(8) });
    await expect(open({ ...files, "m-00002-of-00002.gguf": fewer })).rejects.toThrow("split.tensors.count: found");
    await expect(open({ "m-00003-of-00002.gguf": first })).rejects.toThrow("found part 00003 of 00002");
  });
});
