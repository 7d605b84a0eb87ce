import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../../src/adapter/node.ts";
import { FormatError, MemoryError } from "../../../../src/base/errors.ts";
import { createRandom } from "../../../../src/base/random.ts";
import { Turns } from "../../../../src/base/turns.ts";
import { bytesSource, filesFolder } from "../../../../src/files/source.ts";
import { type ModelFiles, readModelFiles } from "../../../../src/model/model.ts";
import type { Runnable } from "../../../../src/model/pass/record/pass.ts";
import { Session } from "../../../../src/model/pass/session.ts";
import { loadWeights } from "../../../../src/model/weights/load-weights.ts";
import { PagedStore } from "../../../../src/model/weights/paged/paged-store.ts";
import type { Paging } from "../../../../src/model/weights/paged/paging-facts.ts";
import { WeightStore } from "../../../../src/model/weights/weight-store.ts";
import { createMachine } from "../../../../src/wasm/embedded.ts";
import type { Machine } from "../../../../src/wasm/machine.ts";
import { repositoryFile } from "../../../helpers/shared.ts";
import { logitsOf } from "../all-logits.ts";

const turns = new Turns();
const SMALL = "test/fixtures/families/mixtral-window-bf16";
const IDS = Array.from({ length: 37 }, (_, i) => (i * 61 + 7) % 100);
const OPTIONS = { context: 64, batch: 16, logits: "all" } as const;

async function runnable(machine: Machine, files: ModelFiles, store: WeightStore): Promise<Runnable> {
  const weights = await loadWeights(machine, store, files, { turns });
  return { machine, config: files.config, weights, activations: { mode: "int16", group: 32 } };
}

async function expectedOf(files: ModelFiles, ids?: readonly number[]): Promise<Float32Array> {
  await using machine = await createMachine();
  using session = new Session(await runnable(machine, files, new WeightStore(machine, files.linears)), OPTIONS);
  return await logitsOf(session, ids ?? IDS);
}

/** Bytes of the experts of each layer, of which there is at least one. */
function layersOf(files: ModelFiles): number[] {
  const layers = new Map<number, number>();
  for (const { role, layer, rows, cols, stored } of files.linears)
    if (role === "expert") layers.set(layer, (layers.get(layer) ?? 0) + stored.memoryBytes + 4 * (rows + cols) + 64);
  return [...layers.values()];
}

/** What stays in memory, sessions included, and the staging room. */
async function keptBytes(files: ModelFiles, sessions = 1, threads = 1, paging?: Paging): Promise<number> {
  await using machine = await createMachine({ threads });
  const store = new PagedStore(machine, files.linears, { limitBytes: 2 ** 32, topK: 1, paging });
  const model = await runnable(machine, files, store);
  const open = Array.from({ length: sessions }, () => new Session(model, OPTIONS));
  const bytes = machine.arena.used;
  for (const session of open) session[Symbol.dispose]();
  const experts = files.linears.filter(({ role }) => role === "expert");
  return bytes + Math.max(...experts.map(({ stored }) => stored.stagingBytes));
}

interface Paged extends AsyncDisposable {
  readonly machine: Machine;
  readonly store: PagedStore;
  readonly model: Runnable;
}

async function paged(files: ModelFiles, limitBytes: number, threads = 1, paging?: Paging): Promise<Paged> {
  const machine = await createMachine({ threads });
  const store = new PagedStore(machine, files.linears, { limitBytes, topK: files.config.topK, paging });
  const model = await runnable(machine, files, store);
  return { machine, store, model, [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose]() };
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
}

describe.each([
  ["models/fable-mixtral", 1],
  ["models/fable-deepseek", 2],
  ["test/fixtures/families/qwen2_moe-shards-f16", 1],
  ["test/fixtures/families/gpt_oss-mxfp4", 1],
  ["test/fixtures/gptq-checkpoints/mixtral-b4-g64", 2],
  ["test/fixtures/gptq-checkpoints/mixtral-hub-names-b8-row-no-gidx", 1],
])("experts that are read when they are needed, %s", (path, threads) => {
  it("give the same bits within any limit that has room for one layer", async () => {
    const files = await readModelFiles(await nodeFolder(repositoryFile(path)));
    const expected = await expectedOf(files);
    const layers = layersOf(files);
    const kept = await keptBytes(files, 1, threads);
    const whole = layers.reduce((sum, bytes) => sum + bytes, 0);
    for (const room of [Math.max(...layers), Math.ceil(0.6 * whole), whole]) {
      await using run = await paged(files, kept + Math.max(room, ...layers), threads);
      using session = new Session(run.model, OPTIONS);
      expect(sameBits(await logitsOf(session, IDS), expected)).toBe(true);
      const { paging } = run.store;
      expect(run.machine.arena.used).toBeLessThanOrEqual(paging.limitBytes);
      expect(paging.misses).toBeLessThanOrEqual(paging.uses);
      expect(paging.experts).toBeGreaterThan(0);
      expect(paging.readBytes).toBeGreaterThan(0);
      if (room === whole) expect(paging.evictions).toBe(0);
      else if (layers.length > 3) expect(paging.evictions).toBeGreaterThan(0);
    }
    await files.index.close();
  });
});

describe("PagedStore", () => {
  it("serves sessions that run at the same time, also where only one of them has room", async () => {
    const files = await readModelFiles(await nodeFolder(repositoryFile("models/fable-mixtral")));
    const texts = [IDS, IDS.map((id) => 31 * id), [...IDS].reverse()];
    const expected: Float32Array[] = [];
    for (const ids of texts) expected.push(await expectedOf(files, ids));
    const kept = await keptBytes(files, texts.length);
    await using run = await paged(files, kept + Math.max(...layersOf(files)));
    const sessions = texts.map(() => new Session(run.model, OPTIONS));
    const found = await Promise.all(sessions.map((session, at) => logitsOf(session, texts[at])));
    expect(found.map((logits, at) => sameBits(logits, expected[at]))).toEqual([true, true, true]);
    expect(run.store.paging.evictions).toBeGreaterThan(0);
    for (const session of sessions) session[Symbol.dispose]();
    await files.index.close();
  });

  it("computes the experts of a layer in parts if they do not fit together, and refuses a pass if not one fits", async () => {
    const files = await readModelFiles(await nodeFolder(repositoryFile("models/fable-mixtral")));
    const [layer] = layersOf(files);
    const kept = await keptBytes(files);
    for (const [share, fits] of [
      [1 / 3, true],
      [1 / 7, true],
      [1 / 20, false],
    ] as const) {
      await using run = await paged(files, kept + Math.ceil(layer * share));
      using session = new Session(run.model, OPTIONS);
      if (fits) expect(sameBits(await logitsOf(session, IDS), await expectedOf(files))).toBe(true);
      else await expect(logitsOf(session, IDS)).rejects.toThrow(MemoryError);
      expect(run.machine.arena.used).toBeLessThanOrEqual(run.store.paging.limitBytes);
    }
    await files.index.close();
  });

  it("gives the same bits where no weight is kept", async () => {
    for (const path of ["models/fable-deepseek", "test/fixtures/families/qwen2_moe-shards-f16"]) {
      const files = await readModelFiles(await nodeFolder(repositoryFile(path)));
      const expected = await expectedOf(files);
      const largest = Math.max(...files.linears.map(({ stored }) => stored.memoryBytes + stored.stagingBytes));
      await using run = await paged(files, (await keptBytes(files, 1, 2, "all")) + 3 * largest, 2, "all");
      expect(run.store.paging.residentBytes).toBe(0);
      using session = new Session(run.model, OPTIONS);
      expect(sameBits(await logitsOf(session, IDS), expected)).toBe(true);
      expect(run.store.paging.evictions).toBeGreaterThan(0);
      await files.index.close();
    }
  });

  it("reports a file that was cut after loading, and goes on where it is whole again", async () => {
    const root = repositoryFile(SMALL);
    const bytes = new Map(readdirSync(root).map((name) => [name, new Uint8Array(readFileSync(`${root}/${name}`))]));
    const weights = bytesSource("model.safetensors", bytes.get("model.safetensors") as Uint8Array);
    let isCut = false;
    bytes.delete("model.safetensors");
    const folder = filesFolder("cut", {
      ...Object.fromEntries(bytes),
      "model.safetensors": {
        ...weights,
        async read(offset: number, into: Uint8Array) {
          if (isCut) throw new FormatError("model.safetensors", "the file is cut short");
          await weights.read(offset, into);
        },
      },
    });
    const files = await readModelFiles(folder);
    const expected = await expectedOf(files);
    await using run = await paged(files, (await keptBytes(files)) + Math.max(...layersOf(files)));
    using session = new Session(run.model, OPTIONS);
    const before = run.machine.arena.used;
    isCut = true;
    await expect(logitsOf(session, IDS)).rejects.toThrow(/tensor model\.layers\.\d+\..*the file is cut short/);
    expect([run.machine.arena.used, run.store.paging.experts]).toEqual([before, 0]);
    isCut = false;
    session.truncate(0);
    expect(sameBits(await logitsOf(session, IDS), expected)).toBe(true);
  });

  it("reports a file that was written to after loading", async () => {
    const folder = mkdtempSync(join(tmpdir(), "quern-paged-"));
    try {
      cpSync(repositoryFile(SMALL), folder, { recursive: true });
      const files = await readModelFiles(await nodeFolder(folder));
      await using run = await paged(files, (await keptBytes(files)) + Math.max(...layersOf(files)));
      using session = new Session(run.model, OPTIONS);
      const weights = join(folder, "model.safetensors");
      utimesSync(weights, 1, 1);
      await expect(logitsOf(session, IDS)).rejects.toThrow(/model\.safetensors: found a file that was written to/);
      expect(run.store.paging.experts).toBe(0);
      await files.index.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("ends when the signal is aborted, at random moments, and loses nothing", async () => {
    const files = await readModelFiles(await nodeFolder(repositoryFile("models/fable-mixtral")));
    const expected = await expectedOf(files);
    await using run = await paged(files, (await keptBytes(files)) + Math.max(...layersOf(files)));
    using session = new Session(run.model, OPTIONS);
    const random = createRandom(5);
    for (let round = 0; round < 6; round++) {
      const end = new AbortController();
      setTimeout(() => end.abort(new Error("enough")), 40 * random.next());
      await logitsOf(session, IDS, new Turns(end.signal)).catch((error: Error) => expect(error.message).toBe("enough"));
      session.truncate(0);
    }
    expect(sameBits(await logitsOf(session, IDS), expected)).toBe(true);
    expect(run.machine.arena.used).toBeLessThanOrEqual(run.store.paging.limitBytes);
    await files.index.close();
  });

  it("has the engine take no more than one memory has, and lets jobs count beyond that", async () => {
    const files = await readModelFiles(await nodeFolder(repositoryFile(SMALL)));
    await using machine = await createMachine({ threads: 1 });
    const store = new PagedStore(machine, files.linears, { limitBytes: 6e9, topK: 1, paging: "all" });
    const engineBytes = () => machine.arena.limit?.bytes;
    expect(engineBytes()).toBe(3.75 * 2 ** 30);
    {
      using _job = store.beginJob(1e9);
      expect(engineBytes()).toBe(3.75 * 2 ** 30);
      using _more = store.beginJob(2e9);
      // A sixteenth of the limit is the runtime's.
      expect(engineBytes()).toBe(3e9 - 6e9 / 16);
    }
    expect(engineBytes()).toBe(3.75 * 2 ** 30);
    await files.index.close();
  });
});
