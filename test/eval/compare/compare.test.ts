import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeOutputFile } from "../../../src/adapter/node-output.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { saveReference } from "../../../src/eval/compare/save-reference.ts";
import { openReference, type SavedReference } from "../../../src/eval/compare/saved-reference.ts";
import { scoredWindows } from "../../../src/eval/scoring/scored-windows.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";

const IDS = JSON.parse(readFileSync("test/fixtures/eval/tinystories-ids.json", "utf8")) as number[];
const PROTOCOL = { window: 128, limit: 512 };
const WINDOWS = scoredWindows(IDS, PROTOCOL, 512);
/** KL that the coding itself costs: 9e-10 in the mean, 3e-9 at most, see src/eval/reference-code.ts. */
const CODING_KL = 1e-8;
/** Of ln p: the rows span less than 40 nats. */
const CODING_LN_P = (2 * 40) / 65535;

let folder: string;
let model: LanguageModel;
let rounded: LanguageModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quern-reference-"));
  model = await loadModel("models/fable-mixtral");
  rounded = await loadModel("models/fable-mixtral", { activations: "int8", threads: 2 });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rounded[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function save(name: string, reference: LanguageModel = model): Promise<Uint8Array> {
  const path = join(folder, name);
  await saveReference(reference, WINDOWS, { output: await nodeOutputFile(path), protocol: PROTOCOL });
  return readFileSync(path);
}

const open = (bytes: Uint8Array): Promise<SavedReference> => openReference(bytesSource("ref.safetensors", bytes));

describe("a saved reference", () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await save("ref.safetensors");
  });

  it("tells what it is, and takes 2 bytes an entry", async () => {
    const { facts, shape, windows } = await open(bytes);
    expect(windows).toEqual(WINDOWS);
    expect(facts).toMatchObject({ name: "fable-mixtral", activations: "f32", protocol: PROTOCOL });
    expect(shape).toEqual({ vocabSize: 4096, layers: 6, experts: 8, topK: 2, moeLayers: [0, 1, 2, 3, 4, 5] });
    const scored = 4 * 127;
    expect(bytes.length).toBeLessThan(scored * (2 * 4096 + 2) + 512 * (4 + 6 * 2) + 2000);
  });

  it("compares as the running model does", async () => {
    const live = await compare(rounded, model, { ...PROTOCOL, ids: IDS });
    const saved = await compare(rounded, await open(bytes));
    expect(Math.abs(saved.kl.mean - live.kl.mean)).toBeLessThan(1e-6);
    expect(Math.abs(saved.kl.max - live.kl.max)).toBeLessThan(1e-4);
    expect(saved.sameTop).toEqual(live.sameTop);
    expect(saved.routing).toEqual(live.routing);
    expect(saved.scoredTokens).toBe(live.scoredTokens);
    expect(saved.perplexity.model).toBe(live.perplexity.model);
    expect(Math.abs(saved.perplexityRatio / live.perplexityRatio - 1)).toBeLessThan(CODING_LN_P);
    expect(live.reference).toEqual({ name: "fable-mixtral", saved: false, hash: null });
    expect(saved.reference).toMatchObject({ name: "fable-mixtral", saved: true });
  });

  it("hardly differs from the model it was saved of, and not at all in its choices", async () => {
    const found = await compare(model, await open(bytes));
    expect(found.kl.max).toBeLessThan(CODING_KL);
    expect(found.sameTop.value).toBe(1);
    expect(found.routing.every(({ changed }) => changed === 0)).toBe(true);
    expect(Math.abs(found.perplexityRatio - 1)).toBeLessThan(1e-5);
  });

  it("is the same for any number of threads and while comparing", async () => {
    await using threaded = await loadModel("models/fable-mixtral", { threads: 2 });
    expect(Buffer.compare(await save("threaded.safetensors", threaded), bytes)).toBe(0);
    const path = join(folder, "meanwhile.safetensors");
    const { reference } = await compare(rounded, model, { ids: IDS, ...PROTOCOL, saveTo: await nodeOutputFile(path) });
    expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
    expect(reference.hash).toBe((await open(bytes)).facts.hash);
    const [one, two] = [await compare(model, await open(bytes)), await compare(threaded, await open(bytes))];
    expect(two).toEqual(one);
  });

  it("takes the same ids, cut as it was cut itself, and names the first that differs", async () => {
    const reference = await open(bytes);
    const found = await compare(model, reference, { ids: IDS });
    expect(found).toEqual(await compare(model, reference, { windows: WINDOWS }));
    const other = WINDOWS.map((window) => [...window]);
    other[2][17] = 9;
    const refuse = (windows: readonly (readonly number[])[]) => expect(compare(model, reference, { windows })).rejects;
    await refuse(other).toThrow(`window 2, token 17: found id 9, expected ${WINDOWS[2][17]}, as ref.safetensors has`);
    await refuse(WINDOWS.slice(1)).toThrow("window 0, token 0: found id");
    await refuse(WINDOWS.slice(0, 3)).toThrow("windows: found 3, expected 4, as ref.safetensors has");
    await refuse([WINDOWS[0].slice(0, 64)]).toThrow("window 0: found a length of 64, expected 128");
    await expect(compare(model, reference, { ids: IDS, limit: 256 })).rejects.toThrow("windows: found 2, expected 4");
  });

  it("is refused for another model, and to be saved again", async () => {
    await using other = await loadModel("models/fable-deepseek");
    await expect(compare(other, await open(bytes))).rejects.toThrow(
      "reference experts: found 8, expected 16, as models/fable-deepseek has",
    );
    const saveTo = await nodeOutputFile(join(folder, "again.safetensors"));
    await expect(compare(model, await open(bytes), { saveTo })).rejects.toMatchObject({
      code: "USAGE",
    });
    await expect(compare(model, model)).rejects.toThrow("ids: found none");
    await expect(compare(model, model, { windows: WINDOWS, limit: 9 })).rejects.toThrow(
      "windows: found limit as well, expected either windows, or ids to cut into windows",
    );
    expect(readdirSync(folder).filter((name) => name.includes("again"))).toEqual([]);
  });
});

describe("saving a reference", () => {
  it.each(["saveReference", "compare"])("leaves nothing when interrupted: %s", async (way) => {
    const place = mkdtempSync(join(folder, "stopped-"));
    const stop = new AbortController();
    const output = await nodeOutputFile(join(place, "ref.safetensors"));
    const options = { signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) };
    const work =
      way === "compare"
        ? compare(rounded, model, { ids: IDS, ...PROTOCOL, ...options, saveTo: output })
        : saveReference(model, WINDOWS, { ...options, output });
    await expect(work).rejects.toThrow("enough");
    expect(readdirSync(place)).toEqual([]);
  });

  it("leaves nothing when windows cannot be scored", async () => {
    const place = mkdtempSync(join(folder, "refused-"));
    const output = () => nodeOutputFile(join(place, "ref.safetensors"));
    await expect(saveReference(model, [[1]], { output: await output() })).rejects.toThrow("window 0: found 1 tokens");
    await expect(compare(model, rounded, { ids: [1, 2], saveTo: await output() })).rejects.toThrow(
      "at least one window of 512",
    );
    expect(readdirSync(place)).toEqual([]);
  });

  it("hashes the weights, not only their shapes", async () => {
    const files = (change: (bytes: Uint8Array) => void) => {
      const weights = Uint8Array.from(readFileSync("models/fable-mixtral/model.safetensors"));
      change(weights);
      return {
        "config.json": new Uint8Array(readFileSync("models/fable-mixtral/config.json")),
        "model.safetensors": weights,
      };
    };
    const hashOf = async (name: string, change: (bytes: Uint8Array) => void) => {
      await using loaded = await loadModel(files(change));
      return (await open(await save(name, loaded))).facts.hash;
    };
    const same = await hashOf("same.safetensors", () => undefined);
    expect(same).toBe((await open(await save("once.safetensors"))).facts.hash);
    const changed = await hashOf("changed.safetensors", (bytes) => {
      bytes[bytes.length - 2] ^= 1;
    });
    expect(changed).not.toBe(same);
  });
});
