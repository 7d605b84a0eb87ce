import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import { bundleModel } from "../../../src/compress/convert/write-bundle.ts";
import { quantize } from "../../../src/compress/run/make-quantized.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { openBundle } from "../../../src/format/bundle/open-bundle.ts";
import { Model, type Progress, readModelFiles } from "../../../src/model/model.ts";
import { parsePlan } from "../../../src/policy/plan-document.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { bundleFolder, bundleOf, memoryFile } from "../../helpers/bundles.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const PACKED = "test/fixtures/gptq-checkpoints/mixtral-b4-g64";
const folder = (path: string) => nodeFolder(repositoryFile(path));

describe("bundleModel", () => {
  it("has an entry for each expert and for each other linear, in the order of the forward pass", async () => {
    const bytes = await bundleOf(await folder("models/fable-mixtral"));
    const { files, linears, entries } = await openBundle(bytesSource("m.quern", bytes));
    const texts = ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "plan.json"];
    expect([...files.keys()].slice(0, 5).sort()).toEqual([...texts].sort());
    expect(files.get("weights/model.norm.weight")?.shape).toEqual([192]);
    expect([...linears.keys()].slice(0, 2)).toEqual(["model.embed_tokens", "model.layers.0.self_attn.q_proj"]);
    // The three linears of an expert follow each other without a gap; between entries there are headers.
    const all = [...linears.keys()].map((name) => entries.get(`${name}.weight`)!);
    const gaps = all.slice(1).map(({ offset }, at) => offset - all[at].offset - all[at].byteLength);
    expect(gaps.filter((gap) => gap === 0)).toHaveLength(6 * 8 * 2);
    expect(gaps.every((gap) => gap === 0 || gap >= 64)).toBe(true);
    const names = Buffer.from(bytes)
      .toString("latin1")
      .match(/weights\/layers\.\d+\.experts\.\d+(?!["\d])/g);
    // Each is in its own header and in the directory.
    expect(names).toHaveLength(2 * 6 * 8);
  });

  it("keeps the files of the folder as they are, and the bits as a plan", async () => {
    const source = await folder(PACKED);
    const bundle = await openBundle(bytesSource("m.quern", await bundleOf(source)));
    const read = async (file: { size: number; read(at: number, into: Uint8Array): Promise<void> } | undefined) => {
      const bytes = new Uint8Array(file?.size ?? 0);
      await file?.read(0, bytes);
      return Buffer.from(bytes).toString();
    };
    for (const name of ["config.json", "quantize_config.json"])
      expect(await read(await bundle.open(name))).toBe(await read(await source.open(name)));
    const plan = parsePlan(JSON.parse(await read(await bundle.open("plan.json"))), "plan.json");
    expect(new Set(Object.values(plan.resolved ?? {}))).toEqual(new Set([4]));
    expect(plan.averageBits).toBe(4);
    await source.close();
  });

  it("writes the same bytes with any number of threads, and from a bundle", async () => {
    for (const path of ["models/fable-mixtral", PACKED, "test/fixtures/families/gpt_oss-mxfp4"]) {
      const bytes = await bundleOf(await folder(path));
      await using machine = await createMachine({ threads: 2 });
      expect(Buffer.from(await bundleOf(await folder(path), { machine })).equals(bytes)).toBe(true);
      const again = await bundleOf(bundleFolder(bytes));
      expect(Buffer.from(again).equals(bytes)).toBe(true);
    }
  });

  it("holds one entry in memory at a time, and tells how far it is", async () => {
    const files = await readModelFiles(await folder("models/fable-mixtral"));
    await using machine = await createMachine({ threads: 1 });
    const output = memoryFile();
    const seen: Progress[] = [];
    let most = 0;
    const before = machine.arena.used;
    const onProgress = (progress: Progress) => {
      seen.push(progress);
      most = Math.max(most, machine.arena.used - before);
    };
    const { bytes } = await bundleModel(files, { output, machine, onProgress });
    expect(bytes).toBe(output.bytes()?.length);
    const largest = Math.max(...files.linears.map(({ stored }) => stored.memoryBytes));
    expect(most).toBeLessThan(2 * largest);
    expect(machine.arena.used).toBe(before);
    expect(seen.at(-1)).toEqual({ phase: "convert", done: seen[0].total, total: seen[0].total, unit: "bytes" });
    expect(seen.length).toBeGreaterThan(10);
    await files.index.close();
  });

  it("stops when it is cancelled, and leaves nothing", async () => {
    const files = await readModelFiles(await folder("models/fable-mixtral"));
    await using machine = await createMachine({ threads: 1 });
    const output = memoryFile();
    const stop = new AbortController();
    const onProgress = ({ done, total }: Progress) => done > total / 2 && stop.abort(new Error("enough"));
    await expect(bundleModel(files, { output, machine, onProgress, signal: stop.signal })).rejects.toThrow("enough");
    expect(output.bytes()).toBeUndefined();
    expect(output.aborted()).toBe(true);
    await files.index.close();
  });

  it("refuses unknown options", async () => {
    const files = await readModelFiles(await folder(PACKED));
    await using machine = await createMachine({ threads: 1 });
    const options = { output: memoryFile(), machine, weights: "f16" };
    await expect(bundleModel(files, options)).rejects.toThrow(UsageError);
    await files.index.close();
  });
});

describe("a bundle", () => {
  it("cannot be quantised again, whatever its weights", async () => {
    const float = bundleFolder(await bundleOf(await folder("models/fable-mixtral")));
    await using model = await Model.open(await readModelFiles(float), await createMachine({ threads: 1 }));
    await expect(quantize(model, { bits: 4, method: "rtn" })).rejects.toThrow(UnsupportedError);
    await expect(quantize(model, { bits: 4, method: "rtn" })).rejects.toThrow(
      /made\/m\.quern: found a bundle, expected the float model that it was made from/,
    );
    const packed = bundleFolder(await bundleOf(await folder(PACKED)));
    await using other = await Model.open(await readModelFiles(packed), await createMachine({ threads: 1 }));
    await expect(quantize(other, { bits: 4, method: "rtn" })).rejects.toThrow(UnsupportedError);
  });
});
