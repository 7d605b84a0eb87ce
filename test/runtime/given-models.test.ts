/** A model computes the same logits from whatever its files are given as. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadModel, type ModelSource } from "../../src/web.ts";
import { repositoryFile } from "../helpers/shared.ts";

const NAMES = ["config.json", "model.safetensors"];
const IDS = [1, 5, 9, 2];
const bytesOf = (name: string) =>
  new Uint8Array(readFileSync(repositoryFile(`test/fixtures/families/mixtral-window-bf16/${name}`)));
const files = NAMES.map((name) => new File([bytesOf(name)], name));
const byName = <T>(make: (bytes: Uint8Array<ArrayBuffer>) => T) =>
  Object.fromEntries(NAMES.map((name) => [name, make(bytesOf(name))]));

async function logitsOf(source: ModelSource): Promise<Float32Array> {
  const model = await loadModel(source, { threads: 1 });
  const { data } = await model.logits(IDS);
  await model[Symbol.asyncDispose]();
  return data;
}

describe("loadModel", () => {
  it.each<[string, () => ModelSource]>([
    ["a list of files", () => files],
    ["responses by name", () => byName((bytes) => new Response(bytes))],
    ["promises of responses", () => byName(async (bytes) => new Response(bytes))],
    ["buffers by name", () => byName((bytes) => bytes.buffer)],
    ["a map of blobs", () => new Map(Object.entries(byName((bytes) => new Blob([bytes]))))],
    ["the promise of a record", async () => byName((bytes) => bytes)],
  ])("computes the same from %s", async (_, make) => {
    expect(await logitsOf(make())).toEqual(await logitsOf(byName((bytes) => bytes)));
  });
});
