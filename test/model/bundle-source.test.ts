/** Bundles compute the bits of the model that they were made from, wherever their bytes are. */
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../src/adapter/node.ts";
import { FormatError, ShapeError, UnsupportedError } from "../../src/base/errors.ts";
import { type ByteSource, bytesSource, type FolderSource, filesFolder } from "../../src/files/source.ts";
import { inspectModel } from "../../src/model/inspect.ts";
import { Model, type OpenOptions, readModelFiles } from "../../src/model/model.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { loadModel } from "../../src/web.ts";
import { bundleFolder, bundleOf, withIndex } from "../helpers/bundles.ts";
import { tinyGguf } from "../helpers/gguf-model.ts";
import { type Packing, packedFolders } from "../helpers/packed-folder.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { allLogits, FLOAT_CASES, firstDifference, PACKED_CASES } from "./cases.ts";

const IDS = Array.from({ length: 24 }, (_, i) => (i * 37 + 5) % 60);
const GGUF_TYPES = ["Q4_0", "Q8_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"] as const;

async function logitsOf(folder: FolderSource, options: OpenOptions & { threads?: number } = {}): Promise<Float32Array> {
  const { threads = 1, ...open } = options;
  await using model = await Model.open(await readModelFiles(folder), await createMachine({ threads }), open);
  return await allLogits(model, IDS);
}

/** The logits of a model and of its bundle, with the model's own arithmetic. */
async function expectSameBits(folder: FolderSource): Promise<Uint8Array> {
  const bundle = await bundleOf(folder);
  expect(firstDifference(await logitsOf(bundleFolder(bundle)), await logitsOf(folder))).toBe(-1);
  return bundle;
}

describe("a bundle has the bits of the model it was made from", () => {
  const cases = [...FLOAT_CASES, ...PACKED_CASES].filter(({ path }) => path !== undefined && existsSync(path));
  it.each(cases)("$name", async ({ path }) => {
    await expectSameBits(await nodeFolder(path as string));
  });

  it.each<Packing>([
    { bits: 2, groupSize: 32 },
    { bits: 3, groupSize: 64, scattered: true },
    { bits: 4, groupSize: 32, scattered: true },
    { bits: 8, groupSize: -1 },
  ])("$bits bits in groups of $groupSize, with zeros of their own, in experts, attention and head", async (packing) => {
    const experts = ["model.layers.1.mlp.experts.0.down_proj", "model.layers.1.mlp.experts.1.gate_proj"];
    const outer = ["model.layers.0.self_attn.o_proj", "model.embed_tokens"];
    // One ties its head to the embedding, the other has a head of its own.
    for (const [fixture, names] of [
      ["models/fable-deepseek", [...experts, ...outer]],
      ["test/fixtures/families/deepseek-f16", [...outer, "lm_head"]],
    ] as const) {
      const packings = Object.fromEntries(names.map((name) => [name, packing]));
      const { packed } = await packedFolders(fixture, { packings });
      const files = await readModelFiles(bundleFolder(await expectSameBits(packed)));
      const { stored } = files.linears.find(({ name }) => name === names[0])!;
      expect(stored).toMatchObject({ kind: "packed", bits: packing.bits, zero: -1 });
      await files.index.close();
    }
  });

  it.each(GGUF_TYPES)("GGUF's %s", async (type) => {
    const folder = filesFolder("g", { "m.gguf": tinyGguf("mixtral", { type }) });
    const bundle = bundleFolder(await expectSameBits(folder));
    const facts = async (source: FolderSource) => {
      const files = await readModelFiles(source);
      const { modules, averageBits, parameters } = inspectModel(files);
      await files.index.close();
      return { averageBits, parameters, modules: modules.map(({ name, type: told, bits }) => ({ name, told, bits })) };
    };
    expect(await facts(bundle)).toEqual(await facts(folder));
  });

  it("with one thread, with several, and within a limit of memory", async () => {
    for (const path of ["models/fable-mixtral", "models/fable-deepseek"]) {
      const folder = await nodeFolder(repositoryFile(path));
      const bundle = bundleFolder(await bundleOf(folder));
      const expected = await logitsOf(folder);
      for (const threads of [1, 2])
        for (const memory of [undefined, "12MB", "18MB"])
          expect(firstDifference(await logitsOf(bundle, { threads, memory }), expected)).toBe(-1);
    }
  });
});

describe("a bundle as a source", () => {
  let bytes: Uint8Array<ArrayBuffer>;
  let expected: Float32Array;
  beforeAll(async () => {
    const folder = await nodeFolder(repositoryFile("models/fable-mixtral"));
    bytes = await bundleOf(folder);
    expected = await logitsOf(folder);
  });

  it("may be bytes, a Blob, a File or an object that reads ranges, with or without a name", async () => {
    const source: ByteSource = bytesSource("x/m.quern", bytes);
    const given = [bytes, new Blob([bytes]), new File([bytes], "m.quern"), source, { "m.quern": bytes }];
    for (const one of given) {
      await using model = await loadModel(one, { threads: 1 });
      expect(firstDifference((await model.logits(IDS)).data, expected)).toBe(-1);
      expect(model.tokenizer).toBeDefined();
    }
  });

  it("reads an expert with one range, and opens with few reads before the weights", async () => {
    const reads: [number, number][] = [];
    const inner = bytesSource("m.quern", bytes);
    const source: ByteSource = {
      ...inner,
      async read(offset, into) {
        reads.push([offset, into.length]);
        await inner.read(offset, into);
      },
    };
    const files = await readModelFiles(filesFolder("made", { "m.quern": source }));
    expect(reads.length).toBeLessThanOrEqual(4);
    const [gate, up, down] = files.linears.filter(
      ({ role, layer, expert }) => role === "expert" && layer === 2 && expert === 3,
    );
    const expert = [gate.stored.tensors[0].offset, down.stored.tensors[0].offset + down.stored.memoryBytes] as const;
    expect(up.stored.tensors[0].offset).toBe(expert[0] + gate.stored.memoryBytes);
    await using model = await Model.open(files, await createMachine({ threads: 2 }), { memory: "12MB" });
    await allLogits(model, IDS);
    const inside = reads.filter(([offset]) => offset >= expert[0] && offset < expert[1]);
    expect(inside.length).toBeGreaterThan(0);
    for (const read of inside) expect(read).toEqual([expert[0], expert[1] - expert[0]]);
  });

  it("reports damaged weights by the linear's name, when it is loaded and when it is paged", async () => {
    const files = await readModelFiles(bundleFolder(bytes));
    const places = files.linears.map(({ name, stored }) => ({ ...stored.tensors[0], name }));
    for (const { name, offset, byteLength } of places.filter((_, at) => at % 29 === 0)) {
      const damaged = bytes.slice();
      damaged[offset + Math.floor(byteLength / 3)] ^= 4;
      for (const memory of [undefined, "12MB"]) {
        const error = await logitsOf(bundleFolder(damaged), { memory }).catch((cause: unknown) => cause);
        // An expert that no token needs is not read at all.
        if (error instanceof Float32Array && memory !== undefined) {
          expect(name).toContain("experts");
          expect(firstDifference(error, expected)).toBe(-1);
          continue;
        }
        expect(error).toBeInstanceOf(FormatError);
        expect((error as Error).message).toMatch(
          /made\/m\.quern: .*: found the checksum \d+, expected \d+; the file is damaged$/,
        );
        expect((error as Error).message).toContain(`: ${name}: `);
      }
    }
  });

  it("reports damaged vectors and texts", async () => {
    const places = await readModelFiles(bundleFolder(bytes));
    const norm = places.index.entries.get("model.norm.weight")!;
    const damaged = bytes.slice();
    damaged[norm.offset] ^= 1;
    await expect(logitsOf(bundleFolder(damaged))).rejects.toThrow(
      /m.quern: weights\/model.norm.weight: found the CRC-32/,
    );
    const text = bytes.slice();
    text[new TextDecoder("latin1").decode(text).indexOf('"vocab_size"') + 1] ^= 1;
    await expect(readModelFiles(bundleFolder(text))).rejects.toThrow(/config.json: found the CRC-32/);
  });

  it("refuses a file that is cut short, and other versions, by the name of the file", async () => {
    for (const length of [0, 3, 100, 1e6, bytes.length - 1])
      await expect(readModelFiles(bundleFolder(bytes.slice(0, length)))).rejects.toThrow(FormatError);
    const later = withIndex(bytes, (index) => void Object.assign(index, { format: 2 }));
    await expect(readModelFiles(bundleFolder(later))).rejects.toThrow(UnsupportedError);
    await expect(readModelFiles(bundleFolder(later))).rejects.toThrow(
      "made/m.quern: found a bundle of version 2 with panels of version 1, expected a bundle of version 1 with panels of version 1",
    );
  });

  it("refuses an index that does not fit the configuration", async () => {
    const other = withIndex(bytes, ({ linears }) => {
      const q = linears.find(({ name }) => name === "model.layers.0.self_attn.q_proj")!;
      [q["rows"], q["cols"]] = [384, 96];
    });
    await expect(readModelFiles(bundleFolder(other))).rejects.toThrow(ShapeError);
    const without = withIndex(bytes, ({ linears }) => void linears.splice(9, 1));
    await expect(readModelFiles(bundleFolder(without))).rejects.toThrow(/found no tensor/);
    const norms = withIndex(bytes, ({ files: listed }) => void listed.splice(-1));
    await expect(logitsOf(bundleFolder(norms))).rejects.toThrow(FormatError);
  });
});

describe("an order of columns", () => {
  it("that lacks some is refused, since kernels do not check it", async () => {
    const name = "model.layers.0.self_attn.o_proj";
    const packings = { [name]: { bits: 4, groupSize: 32, scattered: true } } as const;
    const { packed } = await packedFolders("test/fixtures/families/deepseek-f16", { packings });
    const bytes = await bundleOf(packed);
    const files = await readModelFiles(bundleFolder(bytes));
    const { stored } = files.linears.find((linear) => linear.name === name)!;
    const [{ offset, byteLength }] = stored.tensors;
    // The order is the last part of a linear without a bias.
    new DataView(bytes.buffer).setInt32(offset + byteLength - 64, 2 ** 30, true);
    const damage = await logitsOf(bundleFolder(bytes)).catch((error: Error) => error.message);
    const checksum = Number(/found the checksum (\d+)/.exec(String(damage))?.[1]);
    const changed = withIndex(bytes, ({ linears }) => {
      for (const linear of linears) if (linear["name"] === name) linear["checksum"] = checksum;
    });
    await expect(logitsOf(bundleFolder(changed))).rejects.toThrow(
      `made/m.quern: ${name}: found an order that lacks columns, expected each column once`,
    );
  });
});
