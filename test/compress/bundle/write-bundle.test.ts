import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { UnsupportedError, UsageError } from "../../../src/base/errors.ts";
import { bundleModel } from "../../../src/compress/bundle/write-bundle.ts";
import { quantize } from "../../../src/compress/run/make-quantized.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { openBundle } from "../../../src/format/bundle/open-bundle.ts";
import { readEntry, readZip } from "../../../src/format/bundle/zip-reader.ts";
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
    const source = bytesSource("m.quern", bytes);
    const entries = await readZip(source);
    const weights = [...entries.keys()].filter((name) => name.startsWith("weights/"));
    const experts = weights.filter((name) => /^weights\/layers\.\d+\.experts\.\d+$/.test(name));
    expect(experts).toHaveLength(6 * 8);
    expect(weights.slice(0, 3)).toEqual([
      "weights/vectors",
      "weights/model.embed_tokens",
      "weights/model.layers.0.self_attn.q_proj",
    ]);
    const texts = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "plan.json"];
    expect([...entries.keys()].slice(0, 5).sort()).toEqual([...texts].sort());
    expect([...entries.keys()].at(-1)).toBe("quern.json");
    // Every CRC-32 is that of its bytes, so that other programs can test the archive.
    for (const entry of entries.values()) await readEntry(source, entry);
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
      expect(await read(await bundle.text(name))).toBe(await read(await source.open(name)));
    const plan = parsePlan(JSON.parse(await read(await bundle.text("plan.json"))), "plan.json");
    expect(new Set(Object.values(plan.resolved ?? {}))).toEqual(new Set([4]));
    expect(plan.averageBits).toBe(4);
    expect(await bundle.text("weights/vectors")).toBeUndefined();
    expect(await bundle.text("none.json")).toBeUndefined();
    await source.close();
  });

  it("writes the same bytes with any number of threads, and from a bundle", async () => {
    for (const path of ["models/fable-mixtral", PACKED, "test/fixtures/families/gpt_oss-mxfp4"]) {
      const bytes = await bundleOf(await folder(path));
      await using machine = await createMachine({ threads: 2 });
      expect(Buffer.from(await bundleOf(await folder(path), { machine })).equals(bytes)).toBe(true);
      const again = await bundleOf(bundleFolder(bytes));
      const weights = async (file: Uint8Array) => {
        const entries = await readZip(bytesSource("m.quern", file));
        return [...entries.values()].flatMap(({ name, crc }) =>
          name.startsWith("weights/") ? [`${name} ${crc}`] : [],
        );
      };
      expect(await weights(again)).toEqual(await weights(bytes));
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
