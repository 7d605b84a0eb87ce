/** Statistics files that were changed, damaged, or hold what statistics cannot. */
import { beforeAll, describe, expect, it } from "vitest";
import type { PartialStatistics } from "../../../src/compress/statistics/calibrate.ts";
import type { Statistics } from "../../../src/compress/statistics/statistics.ts";
import {
  readPartialStatistics,
  readStatistics,
  writePartialStatistics,
  writeStatistics,
} from "../../../src/compress/statistics/statistics-file.ts";
import { mergeStatistics } from "../../../src/compress/statistics/statistics-sum.ts";
import { heldTriangles } from "../../../src/compress/statistics/triangles.ts";
import type { OutputFile } from "../../../src/files/output.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { openSafetensors } from "../../../src/format/safetensors.ts";
import { copyOf, writeSafetensors } from "../../../src/format/safetensors-writer.ts";

/** Two experts, one linear, one site: everything that a file may hold. */
function statistics(tokenHash = "b"): Statistics {
  return {
    ...{ modelHash: "a".repeat(64), tokenHashes: [tokenHash.repeat(64)], tokens: 8, windows: 2 },
    experts: [0, 1].map((expert) => ({ layer: 0, expert, tokens: 4 + expert, gateSum: 2.5 })),
    pairs: [{ layer: 0, counts: Float64Array.of(4, 1, 1, 5) }],
    blocks: [{ layer: 0, cosine: 0.5, cosineModule: -0.25, predicted: 0.4 }],
    linears: [{ name: "q", outlier: 3, kurtosis: -0.5 }],
    inputs: [
      {
        ...{ layer: 0, site: "experts", experts: 2, cols: 2, tokens: Float64Array.of(4, 5) },
        channelMax: Float32Array.of(1, 2, 3, 4),
        hessianDiagonal: Float64Array.of(1, 2, 3, 4),
        hessian: heldTriangles([Float64Array.of(1, -0.5, 2), Float64Array.of(3, 0.5, 4)]),
      },
    ],
    distances: [0, 1].map((expert) => ({ layer: 0, expert, energy: 5, errors: { 2: 3, 3: 2, 4: 1 } })),
    damage: { measuredAs: "{}", damages: new Map([["q", { 2: 0.4, 3: 0.3, 4: 0.2, 8: 0.1 }]]) },
    starved: [],
  };
}

/** The same with its Hessians as numbers. */
async function inMemory(found: Statistics): Promise<unknown> {
  const [input] = found.inputs;
  const hessian = [await input.hessian?.of(0), await input.hessian?.of(1)];
  return { ...found, inputs: [{ ...input, hessian }] };
}

async function bytesOf(write: (file: OutputFile) => Promise<unknown>): Promise<Uint8Array> {
  const folder = memoryWorkFolder();
  const file = await folder.file("stats");
  await write(file);
  await file.commit();
  return folder.files.get("stats") as Uint8Array;
}

/** The same file with one tensor's number changed, with the hashes as they were or without any. */
async function changed(bytes: Uint8Array, tensor: string, at: number, value: number, hashed: boolean) {
  const file = await openSafetensors(bytesSource("old", bytes.slice()));
  const entry = file.entries.get(tensor)!;
  const data = bytes.slice();
  const view = new DataView(data.buffer);
  if (entry.dtype === "F64") view.setFloat64(entry.offset + 8 * at, value, true);
  else if (entry.dtype === "F32") view.setFloat32(entry.offset + 4 * at, value, true);
  else view.setInt32(entry.offset + 4 * at, value, true);
  if (hashed) return bytesSource("stats", data);
  const plain = await openSafetensors(bytesSource("plain", data));
  const metadata = Object.fromEntries([...plain.metadata].filter(([name]) => name !== "sha256"));
  const tensors = [...plain.entries.values()].map((each) => copyOf(each));
  return bytesSource("stats", await bytesOf((sink) => writeSafetensors(sink, tensors, metadata)));
}

const partial: PartialStatistics = {
  identity: { engine: "1", model: "a", tokens: "b", chunk: 1, hessians: true, distances: true },
  statistics: statistics(),
};

let whole: Uint8Array;
let unfinished: Uint8Array;
beforeAll(async () => {
  whole = await bytesOf((file) => writeStatistics(file, statistics()));
  unfinished = await bytesOf((file) => writePartialStatistics(file, partial));
});

const CASES: readonly (readonly [string, number, number, string])[] = [
  ["experts.place", 1, -1, "found -1 at 1, expected a whole number from 0"],
  ["experts.tokens", 0, -4, "found -4 at 0, expected a whole number from 0"],
  ["experts.tokens", 1, 1.5, "found 1.5 at 1, expected a whole number from 0"],
  ["experts.gateSum", 1, Number.NaN, "found NaN at 1, expected a finite number from 0"],
  ["pairs.0", 2, Number.POSITIVE_INFINITY, "found Infinity at 2, expected a whole number from 0"],
  ["blocks.cosine", 0, Number.NaN, "found NaN at 0, expected a cosine, from -1 to 1"],
  ["blocks.cosineModule", 0, 1.5, "found 1.5 at 0, expected a cosine, from -1 to 1"],
  ["blocks.predicted", 0, Number.NEGATIVE_INFINITY, "found -Infinity at 0, expected a finite number"],
  ["linears.outlier", 0, Number.NaN, "found NaN at 0, expected a finite number from 0"],
  ["linears.kurtosis", 0, Number.POSITIVE_INFINITY, "found Infinity at 0, expected a finite number"],
  ["inputs.0.experts.tokens", 1, -1, "found -1 at 1, expected a whole number from 0"],
  ["inputs.0.experts.channelMax", 3, Number.NaN, "found NaN at 3, expected a finite number from 0"],
  ["inputs.0.experts.hessianDiagonal", 0, -1, "found -1 at 0, expected a finite number from 0"],
  ["distances.energy", 0, -1, "found -1 at 0, expected a finite number from 0"],
  ["distances.errors", 4, Number.POSITIVE_INFINITY, "found Infinity at 4, expected a finite number from 0"],
];

describe("a statistics file", () => {
  it("is read as it was written, with hashes or, as version 0.1.0 wrote it, without", async () => {
    const expected = await inMemory(statistics());
    expect(await inMemory(await readStatistics(bytesSource("stats", whole)))).toEqual(expected);
    const plain = await readStatistics(await changed(whole, "experts.tokens", 0, 4, false));
    expect(await inMemory(plain)).toEqual(expected);
  });

  it("refuses a Hessian when it is read", async () => {
    const tensor = "inputs.0.experts.hessian.1";
    const read = async (hashed: boolean) => {
      const { inputs } = await readStatistics(await changed(whole, tensor, 2, Number.NaN, hashed));
      expect(await inputs[0].hessian?.of(0)).toEqual(Float64Array.of(1, -0.5, 2));
      return inputs[0].hessian?.of(1);
    };
    const told = `stats: tensor ${tensor}: found NaN at 2, expected a finite number`;
    await expect(read(false)).rejects.toMatchObject({ code: "FORMAT", message: told });
    await expect(read(true)).rejects.toThrow(`stats: tensor ${tensor}: found SHA-256 `);
  });

  it.each(CASES)("is refused where %s[%i] is %f, also without hashes", async (tensor, at, value, told) => {
    const read = async (hashed: boolean) => readStatistics(await changed(whole, tensor, at, value, hashed));
    await expect(read(false)).rejects.toMatchObject({ code: "FORMAT", message: `stats: tensor ${tensor}: ${told}` });
    await expect(read(true)).rejects.toThrow(`stats: tensor ${tensor}: found SHA-256 `);
  });

  it("names what changed, be it a number that could be one, or a count in the metadata", async () => {
    const read = async (tensor: string, at: number, value: number) =>
      readStatistics(await changed(whole, tensor, at, value, true));
    await expect(read("experts.tokens", 0, 5)).rejects.toThrow("stats: tensor experts.tokens: found SHA-256");
    await expect(read("damage", 3, 0.05)).rejects.toThrow("stats: tensor damage: found SHA-256");
    const at = Buffer.from(whole).indexOf('"windows":"2"');
    const other = whole.slice();
    other[at + 11] = "3".charCodeAt(0);
    await expect(readStatistics(bytesSource("stats", other))).rejects.toThrow(
      /^stats: __metadata__: found SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}; the file was changed or damaged$/,
    );
  });

  it("is not written with such numbers either, nor are they added up", async () => {
    const broken = { ...statistics("c"), pairs: [{ layer: 0, counts: Float64Array.of(4, Number.NaN, 1, 5) }] };
    const told = "tensor pairs.0: found NaN at 1, expected a whole number from 0";
    await expect(bytesOf((file) => writeStatistics(file, broken))).rejects.toThrow(told);
    expect(() => mergeStatistics(statistics(), broken)).toThrow(`second statistics: ${told}`);
    expect(() => mergeStatistics(broken, statistics())).toThrow(`first statistics: ${told}`);
    expect(mergeStatistics(statistics(), statistics("c")).tokens).toBe(16);
  });
});

describe("the file of an unfinished run", () => {
  it("does not go on with a count that changed, or without its hashes", async () => {
    const { identity, statistics: found } = await readPartialStatistics(bytesSource("stats", unfinished));
    expect(identity).toEqual(partial.identity);
    expect(await inMemory(found)).toEqual(await inMemory(statistics()));
    const read = async (hashed: boolean) =>
      readPartialStatistics(await changed(unfinished, "experts.tokens", 0, 5, hashed));
    await expect(read(true)).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining("experts.tokens"),
    });
    await expect(read(false)).rejects.toThrow("stats: found no SHA-256 of its contents");
  });
});
