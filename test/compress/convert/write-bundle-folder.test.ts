import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { FileError, FormatError, QuernError, UsageError } from "../../../src/base/errors.ts";
import { convertModel } from "../../../src/compress/convert/convert-model.ts";
import type { ConvertOptions } from "../../../src/compress/convert/write-folder.ts";
import { type QuantizeOptions, quantize } from "../../../src/compress/run/make-quantized.ts";
import { type MemoryOutput, memoryOutput } from "../../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { openTensorIndex } from "../../../src/format/checkpoint.ts";
import { crc32 } from "../../../src/format/bundle/crc32.ts";
import { readTensor } from "../../../src/format/tensor-index.ts";
import { Model, type Progress, readModelFiles } from "../../../src/model/model.ts";
import { loadModel } from "../../../src/web.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
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
    for (const [tensor, facts] of after) if (before.has(tensor)) expect(`${tensor}: ${facts}`).toBe(`${tensor}: ${before.get(tensor)}`);
    expect(await logitsOf(files)).toEqual(await logitsOf({ "m.quern": bundle }));
    // The panels, too, are the same, so that the bundle of the folder is the bundle; MXFP4 has become floats.
    if (!name.includes("mxfp4")) expect(Buffer.from(await bundleOf(filesFolder("out", files))).equals(bundle)).toBe(true);
    await source.close();
  });
});

/** What `quantize` writes, in memory. */
async function quantized(source: string, options: QuantizeOptions): Promise<Files> {
  const output = memoryOutput();
  await using model = await Model.open(await readModelFiles(await folder(source)), await createMachine({ threads: 1 }));
  const ids = Array.from({ length: 64 }, (_, at) => (at * 7) % 60);
  const isRtn = options.method === "rtn";
  await quantize(model, { groupSize: 32, ...options, ...(isRtn ? {} : { windows: { windows: [ids] } }), output });
  return Object.fromEntries(output.files);
}

const quantisings: readonly (readonly [string, string, QuantizeOptions])[] = [
  ["4 bits with biases in f16", "qwen2_moe-shards-f16", { method: "rtn" }],
  ["3 bits, asymmetric", "olmoe-clip-bf16", { method: "rtn", bits: 3, symmetric: false }],
  ["2 bits in whole rows", "mixtral-window-bf16", { method: "rtn", bits: 2, groupSize: -1 }],
  ["8 bits, head and embedding too", "llama-rope3-bf16", { method: "rtn", bits: 8, head: 8, embedding: 8 }],
  ["GPTQ in the order of activations", "qwen3-f32", { actOrder: "desc" }],
  ["experts that stay float", "lfm2_moe-bf16", { method: "rtn", policy: "experts:16,attention:4" }],
];

describe("a folder that Quern quantised", () => {
  it.each(quantisings)("comes back byte by byte: %s", async (_, source, options) => {
    const before = await quantized(`${FAMILIES}/${source}`, options);
    const after = await unbundled(await bundleOf(filesFolder("q", before)));
    const [lost, added] = [before, after].map((files, at, both) => Object.keys(files).filter((name) => !(name in both[1 - at])));
    expect([lost, added]).toEqual([[], ["plan.json"]]);
    for (const [name, bytes] of Object.entries(before))
      if (name !== "README.md") expect([name, Buffer.from(bytes).equals(after[name])]).toEqual([name, true]);
  });
});
