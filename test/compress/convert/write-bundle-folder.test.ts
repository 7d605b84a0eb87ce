import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { FileError, FormatError, QuernError, UsageError } from "../../../src/base/errors.ts";
import { convertModel } from "../../../src/compress/convert/convert-model.ts";
import type { ConvertOptions } from "../../../src/compress/convert/write-folder.ts";
import { type QuantizeOptions, quantize } from "../../../src/compress/run/make-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { bytesSource, type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { partsOf } from "../../../src/format/bundle/bundle-index.ts";
import { crc32 } from "../../../src/format/bundle/crc32.ts";
import { openBundle } from "../../../src/format/bundle/open-bundle.ts";
import { openTensorIndex } from "../../../src/format/checkpoint.ts";
import { readTensor } from "../../../src/format/tensor-index.ts";
import { Model, type Progress, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { loadModel } from "../../../src/web.ts";
import { bundleFolder, bundleOf, withIndex } from "../../helpers/bundles.ts";
import { tinyGguf } from "../../helpers/gguf-model.ts";
import { packedFolders } from "../../helpers/packed-folder.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { FLOAT_CASES, PACKED_CASES } from "../../model/cases.ts";

const PACKED = "test/fixtures/gptq-checkpoints/mixtral-b4-g64";
const FAMILIES = "test/fixtures/families";
const IDS = [1, 5, 9, 40, 63, 2, 2, 17];
const folder = (path: string) => nodeFolder(repositoryFile(path));

type Files = Readonly<Record<string, Uint8Array>>;

async function unbundled(bytes: Uint8Array, options: Partial<ConvertOptions> = {}): Promise<Files> {
  await using machine = await createMachine({ threads: 1 });
  const output = memoryOutput();
  await convertModel(bundleFolder(bytes), { output, machine, ...options });
  return Object.fromEntries(output.files);
}

async function logitsOf(files: Files, activations?: "f32"): Promise<Float32Array> {
  await using model = await loadModel(files, { activations });
  return (await model.logits(IDS)).data;
}

/** Type, shape and hash of every tensor. */
async function tensorsOf(source: FolderSource): Promise<Map<string, string>> {
  const index = await openTensorIndex(source);
  const tensors = new Map<string, string>();
  for (const [name, entry] of index.entries) {
    const bytes = new Uint8Array(entry.byteLength);
    await readTensor(entry, bytes);
    tensors.set(name, `${entry.dtype} [${entry.shape}] ${crc32(bytes)}`);
  }
  await index.close();
  return tensors;
}

const json = (files: Files, name: string) => JSON.parse(new TextDecoder().decode(files[name]));

const published = [...FLOAT_CASES, ...PACKED_CASES].filter(({ path }) => path !== undefined);

/** Tensors that no model of the family reads, such as tables of angles and layers that predict further tokens. */
const UNREAD = /\.inv_freq$|\.(eh_proj|enorm)\.weight$/;

describe("a folder made of a bundle", () => {
  it.each(published)("has the tensors of $name, and computes its bits", async ({ name, path }) => {
    const source = await nodeFolder(path as string);
    const bundle = await bundleOf(source);
    const files = await unbundled(bundle);
    const [before, after] = [await tensorsOf(source), await tensorsOf(filesFolder("out", files))];
    // What is fused in the source gets names of its own, and every GPTQ linear an order of groups.
    const isFused = /fused|granite|mxfp4/.test(name);
    const lost = [...before.keys()].filter((tensor) => !after.has(tensor) && !UNREAD.test(tensor));
    const added = [...after.keys()].filter((tensor) => !before.has(tensor) && !tensor.endsWith(".g_idx"));
    if (!isFused) expect([lost, added]).toEqual([[], []]);
    for (const [tensor, facts] of after)
      if (before.has(tensor)) expect(`${tensor}: ${facts}`).toBe(`${tensor}: ${before.get(tensor)}`);
    expect(await logitsOf(files)).toEqual(await logitsOf({ "m.quern": bundle }));
    // The panels, too, are the same, so that the bundle of the folder is the bundle; MXFP4 has become floats.
    if (!name.includes("mxfp4"))
      expect(Buffer.from(await bundleOf(filesFolder("out", files))).equals(bundle)).toBe(true);
    await source.close();
  });
});

/** What `quantize` writes, in memory. */
async function quantized(source: string, options: QuantizeOptions): Promise<Files> {
  const output = memoryOutput();
  await using model = await Model.open(await readModelFiles(await folder(source)), await createMachine({ threads: 1 }));
  const ids = Array.from({ length: 64 }, (_, at) => (at * 7) % 60);
  const isRtn = options.method === "rtn";
  await quantize(model, { groupSize: 32, ...options, ...(isRtn ? {} : { windows: [ids] }), output });
  return Object.fromEntries(output.files);
}

const quantisings: readonly (readonly [string, string, QuantizeOptions])[] = [
  [
    "attention with biases in f16, experts in f16",
    "qwen2_moe-shards-f16",
    { method: "rtn", policy: "attention:4,base:16" },
  ],
  ["3 bits, asymmetric", "olmoe-clip-bf16", { method: "rtn", bits: 3, symmetric: false }],
  ["2 bits in whole rows", "olmoe-clip-bf16", { method: "rtn", bits: 2, groupSize: -1 }],
  ["8 bits, head and embedding too", "llama-rope3-bf16", { method: "rtn", bits: 8, head: 8, embedding: 8 }],
  ["GPTQ in the order of activations", "llama-rope3-bf16", { bits: 4, actOrder: "desc" }],
  ["mixed bits under the hub's names", "olmoe-clip-bf16", { method: "rtn", policy: "experts:3,base:8", names: "hub" }],
];

describe("a folder that Quern quantised", () => {
  it.each(quantisings)("comes back byte by byte: %s", async (_, source, options) => {
    const before = await quantized(`${FAMILIES}/${source}`, options);
    const after = await unbundled(await bundleOf(filesFolder("q", before)));
    const [lost, added] = [before, after].map((files, at, both) =>
      Object.keys(files).filter((name) => !(name in both[1 - at])),
    );
    expect([lost, added]).toEqual([[], ["plan.json"]]);
    for (const [name, bytes] of Object.entries(before))
      if (name !== "README.md") expect([name, Buffer.from(bytes).equals(after[name])]).toEqual([name, true]);
  });
});

describe("weights of GPTQ", () => {
  it("come back in scattered groups of every width", async () => {
    const names = ["q_proj", "k_proj", "v_proj", "o_proj"].map((name) => `model.layers.0.self_attn.${name}`);
    const packings = Object.fromEntries(
      ([2, 3, 4, 8] as const).map((bits, at) => [names[at], { bits, groupSize: 32, scattered: true }]),
    );
    const { packed } = await packedFolders(`${FAMILIES}/llama-rope3-bf16`, { packings });
    const files = await unbundled(await bundleOf(packed));
    expect(await tensorsOf(filesFolder("out", files))).toEqual(await tensorsOf(packed));
  });

  // A file of version 1 whose words say 15 had a zero point of 0 that borrowed from the next one.
  it.each([2, 3, 4, 8] as const)("come back from version 1 with zero points of 0 at %d bits", async (bits) => {
    const before = { ...(await quantized(`${FAMILIES}/olmoe-clip-bf16`, { method: "rtn", bits, symmetric: false })) };
    for (const name of ["config.json", "quantize_config.json"])
      before[name] = new TextEncoder().encode(new TextDecoder().decode(before[name]).replaceAll('"gptq_v2"', '"gptq"'));
    const weights = before["model.safetensors"].slice();
    const index = await openTensorIndex(filesFolder("q", before));
    for (const { name, offset, byteLength } of index.entries.values())
      if (name.endsWith("q_proj.qzeros")) weights.fill(255, offset, offset + byteLength / 2);
    before["model.safetensors"] = weights;
    const bundle = await bundleOf(filesFolder("q", before));
    const after = await unbundled(bundle);
    expect(Buffer.from(after["model.safetensors"]).equals(weights)).toBe(true);
    expect(await logitsOf(after)).toEqual(await logitsOf({ "m.quern": bundle }));
  });

  it.each(["f16", "f32"] as const)("are written as %s on demand, without settings of GPTQ", async (weights) => {
    const bundle = await bundleOf(await folder(PACKED));
    const files = await unbundled(bundle, { weights });
    expect(Object.keys(files).filter((name) => /quantize|plan/.test(name))).toEqual([]);
    expect(json(files, "config.json")).toMatchObject({ dtype: weights === "f16" ? "float16" : "float32" });
    expect(json(files, "config.json")).not.toHaveProperty("quantization_config");
    const [found, expected] = [await logitsOf(files), await logitsOf({ "m.quern": bundle }, "f32")];
    if (weights === "f32") expect(found).toEqual(expected);
    else expect(Math.max(...found.map((value, at) => Math.abs(value - expected[at])))).toBeLessThan(0.01);
  });
});

describe("weights of other formats", () => {
  it.each(["F32", "Q4_0", "Q5_0", "Q8_0", "Q3_K", "Q4_K", "Q6_K"] as const)(
    "of %s are written as from the GGUF file",
    async (type) => {
      const bytes = tinyGguf("llama", { type });
      const output = memoryOutput();
      await convertModel(filesFolder("model", { "m.gguf": bytes }), { output });
      const direct = Object.fromEntries(output.files);
      const bundle = await bundleOf(filesFolder("model", { "m.gguf": bytes }));
      const files = await unbundled(bundle);
      const shapes = async (source: Files) =>
        [...(await tensorsOf(filesFolder("m", source)))].map(([name, facts]) => [name, facts.replace(/ \d+$/, "")]);
      expect(await shapes(files)).toEqual(await shapes(direct));
      expect(await logitsOf(files, "f32")).toEqual(await logitsOf({ "m.quern": bundle }, "f32"));
      if (type === "F32") return;
      expect(json(files, "config.json")).toEqual(json(direct, "config.json"));
      expect(files["quantize_config.json"]).toEqual(direct["quantize_config.json"]);
    },
  );

  it("of MXFP4 become floats, with which the model computes as before", async () => {
    const files = await unbundled(await bundleOf(await folder(`${FAMILIES}/gpt_oss-mxfp4`)));
    expect(json(files, "config.json")).not.toHaveProperty("quantization_config");
    const tensors = await tensorsOf(filesFolder("out", files));
    expect(tensors.get("model.layers.0.mlp.experts.0.gate_proj.weight")).toMatch(/^F32 /);
    expect(tensors.has("model.layers.0.mlp.experts.0.gate_proj.qweight")).toBe(false);
  });

  it("of Granite's experts are joined where they are floats", async () => {
    const bundle = await bundleOf(filesFolder("model", { "m.gguf": tinyGguf("granitemoe", { type: "F32" }) }));
    const files = await unbundled(bundle);
    const tensors = await tensorsOf(filesFolder("out", files));
    expect(tensors.has("model.layers.0.block_sparse_moe.input_linear.weight")).toBe(true);
    expect(await logitsOf(files)).toEqual(await logitsOf({ "m.quern": bundle }));
  });
});

describe("the files of the folder", () => {
  it("are the bundle's, with templates of any name, and a plan", async () => {
    const source = await folder(PACKED);
    const more = { "chat_template.json": "{}", "tool_use.jinja": "{{ 1 }}", "notes.txt": "no" };
    const names = ["config.json", "quantize_config.json", "model.safetensors"];
    const read = async (name: string) => {
      const file = await source.open(name);
      const bytes = new Uint8Array(file?.size ?? 0);
      await file?.read(0, bytes);
      return [name, bytes] as const;
    };
    const texts = Object.entries(more).map(([name, text]) => [name, new TextEncoder().encode(text)] as const);
    const before = Object.fromEntries([...(await Promise.all(names.map(read))), ...texts]);
    const files = await unbundled(await bundleOf(filesFolder("more", before)));
    const written = ["README.md", "plan.json", ...names, "chat_template.json", "tool_use.jinja"];
    expect(Object.keys(files).sort()).toEqual(written.sort());
    expect(files["tool_use.jinja"]).toEqual(before["tool_use.jinja"]);
    expect(files["config.json"]).toEqual(before["config.json"]);
    expect(new TextDecoder().decode(files["README.md"])).toMatch(/^# Converted by Quern .*, --weights exact\n$/);
    // Floats keep the templates, but not the settings.
    const floats = await unbundled(await bundleOf(filesFolder("more", before)), { weights: "f32" });
    expect(Object.keys(floats)).toEqual(expect.arrayContaining(["chat_template.json", "tool_use.jinja"]));
  });

  it("are divided where they would be too large", async () => {
    const bundle = await bundleOf(await folder(PACKED));
    const files = await unbundled(bundle, { shardBytes: 100_000 });
    expect(
      Object.keys(files).filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)).length,
    ).toBeGreaterThan(2);
    expect(await logitsOf(files)).toEqual(await logitsOf({ "m.quern": bundle }));
  });
});

describe("making a folder of a bundle", () => {
  const failing = async (bytes: Uint8Array, options: Partial<ConvertOptions> = {}) => {
    const output = memoryOutput();
    await using machine = await createMachine({ threads: 1 });
    const before = machine.arena.used;
    const error = await convertModel(bundleFolder(bytes), { output, machine, ...options }).catch(
      (cause: unknown) => cause,
    );
    expect(output.files.size).toBe(0);
    expect(machine.arena.used).toBe(before);
    return error as Error;
  };

  it("ends in a typed error for files that were cut or damaged, whatever part it is", async () => {
    for (const source of [PACKED, `${FAMILIES}/llama-rope3-bf16`]) {
      const bundle = await bundleOf(await folder(source));
      const { entries, linears } = await openBundle(bytesSource("m.quern", bundle));
      const name = "model.layers.1.self_attn.q_proj";
      const flip = (offset: number) => bundle.map((byte, at) => (at === offset ? byte ^ 4 : byte));
      const panels = await failing(flip((linears.get(name)?.offset ?? 0) + 100));
      expect(panels).toBeInstanceOf(FormatError);
      expect(panels.message).toMatch(
        /made\/m\.quern: model\.layers\.1\.self_attn\.q_proj: found the checksum \d+, expected/,
      );
      const norm = await failing(flip(entries.get("model.norm.weight")?.offset ?? 0));
      expect(norm).toBeInstanceOf(FormatError);
      expect(norm.message).toMatch(/model\.norm\.weight: found the CRC-32/);
      for (const length of [0, 100, bundle.length / 2, bundle.length - 1])
        expect(await failing(bundle.slice(0, length))).toBeInstanceOf(QuernError);
    }
  });

  it("takes unknown types of vectors for f32, and refuses names of files that lead elsewhere", async () => {
    const bundle = await bundleOf(await folder(`${FAMILIES}/llama-rope3-bf16`));
    const other = withIndex(bundle, ({ files }) => {
      for (const file of files) if (file["shape"] !== undefined) file["dtype"] = { F8: 1 };
    });
    const tensors = await tensorsOf(filesFolder("out", await unbundled(other)));
    expect(tensors.get("model.norm.weight")).toMatch(/^F32 /);
    const elsewhere = withIndex(bundle, ({ files }) => {
      files[0]["name"] = "../../x.jinja";
    });
    expect(await failing(elsewhere)).toBeInstanceOf(QuernError);
    const named = await bundleOf(await folder("models/fable-mixtral"));
    const template = withIndex(named, ({ files }) => {
      for (const file of files) if (file["name"] === "tokenizer.json") file["name"] = "../../x.jinja";
    });
    expect(await failing(template)).toBeInstanceOf(FileError);
  });

  it("holds one linear in memory, tells how far it is, and leaves nothing when it is cancelled", async () => {
    const bundle = await bundleOf(await folder("models/fable-mixtral"));
    await using machine = await createMachine({ threads: 1 });
    const before = machine.arena.used;
    const seen: Progress[] = [];
    let most = 0;
    const onProgress = (progress: Progress) => {
      seen.push(progress);
      most = Math.max(most, machine.arena.used - before);
    };
    const output = memoryOutput();
    const { bytes } = await convertModel(bundleFolder(bundle), { output, machine, onProgress });
    expect(bytes).toBe(output.files.get("model.safetensors")?.length);
    const { linears } = await openBundle(bytesSource("m.quern", bundle));
    const largest = Math.max(...[...linears.values()].map((linear) => partsOf(linear).bytes));
    expect(most).toBeLessThan(3 * largest);
    expect(machine.arena.used).toBe(before);
    expect(seen.at(-1)).toEqual({ phase: "convert", done: seen[0].total, total: seen[0].total, unit: "bytes" });
    expect(seen.length).toBeGreaterThan(10);
    const stop = new AbortController();
    const cancel = ({ done, total }: Progress) => done > total / 2 && stop.abort(new Error("enough"));
    expect((await failing(bundle, { signal: stop.signal, onProgress: cancel })).message).toBe("enough");
  });

  it("needs an engine", async () => {
    const bundle = await bundleOf(await folder(PACKED));
    const error = await failing(bundle, { machine: undefined });
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe("machine: found nothing, expected an engine");
  });
});
