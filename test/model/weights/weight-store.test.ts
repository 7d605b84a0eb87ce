import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { NumericsError } from "../../../src/base/errors.ts";
import { Turns } from "../../../src/base/turns.ts";
import { type ModelFiles, readModelFiles } from "../../../src/model/model.ts";
import type { Runnable } from "../../../src/model/pass/record/pass.ts";
import { Session } from "../../../src/model/pass/session.ts";
import { TreeSession } from "../../../src/model/pass/tree-session.ts";
import type { Linear } from "../../../src/model/weights/linears.ts";
import { loadWeights } from "../../../src/model/weights/load-weights.ts";
import { linearNamed } from "../../../src/model/weights/locate.ts";
import { WeightStore } from "../../../src/model/weights/weight-store.ts";
import { overlayOf } from "../../../src/model/weights/weight-tree.ts";
import { stride } from "../../../src/tensor/matrix.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import type { Machine } from "../../../src/wasm/machine.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { brokenFolder, withTensors } from "../broken-folder.ts";
import { attentionOf } from "../cases.ts";
import { logitsOf } from "./all-logits.ts";

const turns = new Turns();
const SMALL = "test/fixtures/families/mixtral-window-bf16";
const IDS = Array.from({ length: 37 }, (_, i) => (i * 61 + 7) % 300);

/** Holds no expert but those that a pass is about to compute. */
class RoutedStore extends WeightStore {
  most = 0;
  readonly held: string[] = [];

  override get isPaged(): boolean {
    return true;
  }

  override hasPage({ role }: Linear): boolean {
    return role === "expert";
  }

  override async hold(linears: readonly Linear[], turns: Turns): Promise<Disposable> {
    const [{ layer }] = linears;
    const experts = new Set(linears.map(({ expert }) => expert));
    const wanted = this.linears.filter((linear) => linear.layer === layer && experts.has(linear.expert));
    for (const linear of wanted) await this.load(linear, turns);
    this.held.push(`${layer}: ${[...experts].sort((a, b) => a - b).join(" ")}`);
    this.most = Math.max(this.most, this.experts().length);
    return { [Symbol.dispose]: () => wanted.forEach((linear) => void this.evict(linear)) };
  }

  experts(): readonly Linear[] {
    return this.linears.filter((linear) => linear.role === "expert" && this.isResident(linear));
  }
}

async function runnable(machine: Machine, files: ModelFiles, store: WeightStore): Promise<Runnable> {
  const weights = await loadWeights(machine, store, files, { turns });
  return { machine, config: files.config, weights, activations: { mode: "f32", group: 32 } };
}

async function open(path: string): Promise<{ machine: Machine; files: ModelFiles }> {
  const files = await readModelFiles(await nodeFolder(repositoryFile(path)));
  return { machine: await createMachine(), files };
}

async function allLogits(model: Runnable): Promise<Float32Array> {
  using session = new Session(model, { context: 64, batch: 16, logits: "all" });
  return await logitsOf(session, IDS);
}

describe.each(["models/fable-mixtral", "models/fable-deepseek", "test/fixtures/families/qwen2_moe-shards-f16"])(
  "a store that keeps only routed experts, %s",
  (path) => {
    it("has passes stop at the experts, and gives the same bits", async () => {
      const { machine, files } = await open(path);
      await using _ = machine;
      const whole = await runnable(machine, files, new WeightStore(machine, files.linears));
      const expected = await allLogits(whole);
      whole.weights.store[Symbol.dispose]();
      const store = new RoutedStore(machine, files.linears);
      const routed = await runnable(machine, files, store);
      for (const linear of store.experts()) store.evict(linear);
      const found = await allLogits(routed);
      expect(Buffer.from(found.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
      expect(store.experts()).toEqual([]);
      const moe = files.config.moeLayers.filter((isMoe) => isMoe).length;
      expect(store.held).toHaveLength(moe * (2 + 7)); // two batches and seven single tokens
      expect(store.held.slice(-moe).every((line) => line.split(" ").length === 1 + files.config.topK)).toBe(true);
      expect(store.most).toBeLessThanOrEqual(3 * files.config.experts);
      await files.index.close();
    });

    it("serves trees of tokens and taps as well", async () => {
      const { machine, files } = await open(path);
      await using _ = machine;
      const results: Float32Array[] = [];
      for (const store of [new WeightStore(machine, files.linears), new RoutedStore(machine, files.linears)]) {
        const model = await runnable(machine, files, store);
        if (store instanceof RoutedStore) for (const linear of store.experts()) store.evict(linear);
        using tree = new TreeSession(model, { context: 32, batch: 16 });
        const nodes = { ids: Int32Array.of(5, 9, 7), depths: Int32Array.of(0, 1, 1), wanted: Uint8Array.of(0, 1, 1) };
        await tree.evaluate(nodes, turns, ({ ptr, ld, nodes: { length } }) => {
          results.push(machine.arena.f32(ptr, length * ld).slice());
        });
        using session = new Session(model, { context: 8, batch: 8 });
        await session.evaluateTapped([5, 9, 7], turns, {
          onHidden: ({ input }) => {
            results.push(machine.arena.f32(input.ptr, input.rows * input.ld).slice());
          },
        });
        store[Symbol.dispose]();
      }
      const half = results.length / 2;
      expect(half).toBe(1 + files.config.layers);
      expect(results.slice(half)).toEqual(results.slice(0, half));
      await files.index.close();
    });
  },
);

describe("WeightStore", () => {
  it("counts what is there, gives it back, and reads it again to the same bits at another address", async () => {
    const { machine, files } = await open(SMALL);
    await using _ = machine;
    const store = new WeightStore(machine, files.linears);
    const empty = machine.arena.used;
    const [first, second] = store.linears.filter(({ role }) => role === "expert");
    const bytes = linearNamed(files, first.name).stored.memoryBytes;
    expect([store.bytes, store.isResident(first), first.matrix.ptr]).toEqual([0, false, 0]);
    await store.load(first, turns);
    expect([store.bytes, store.isResident(first)]).toEqual([bytes, true]);
    const { ptr } = first.matrix;
    const panels = machine.arena.u8(ptr, bytes).slice();
    const generation = store.generation;
    await store.load(first, turns);
    expect(store.generation).toBe(generation); // it was there
    store.evict(first);
    expect([store.bytes, store.isResident(first), first.matrix.ptr]).toEqual([0, false, 0]);
    expect(machine.arena.used).toBe(empty);
    expect(store.generation).toBeGreaterThan(generation);
    await store.load(second, turns); // takes the place that has become free
    await store.load(first, turns);
    expect(first.matrix.ptr).not.toBe(ptr);
    expect(machine.arena.u8(first.matrix.ptr, bytes)).toEqual(panels);
    store[Symbol.dispose]();
    expect(store.bytes).toBe(0);
    await files.index.close();
  });

  it("has sessions record anew where weights have moved", async () => {
    const { machine, files } = await open(SMALL);
    await using _ = machine;
    const store = new WeightStore(machine, files.linears);
    const model = await runnable(machine, files, store);
    using session = new Session(model, { context: 8 });
    const run = async () => {
      session.truncate(0);
      let found = new Float32Array();
      await session.evaluate([1, 2, 3], turns, {
        onLogits: ({ ptr, rows }) => {
          found = machine.arena.f32(ptr, rows * stride(files.config.vocabSize)).slice();
        },
      });
      return found;
    };
    const expected = await run();
    const moved = store.linears.filter(({ role }) => role !== "embedding");
    for (const linear of moved) store.evict(linear);
    for (const linear of [...moved].reverse()) await store.load(linear, turns);
    expect(await run()).toEqual(expected);
    await files.index.close();
  });

  it("takes no memory where a load fails half-way", async () => {
    const name = "model.layers.2.block_sparse_moe.experts.3.w2.weight";
    const folder = brokenFolder(
      SMALL,
      withTensors((header, data) => void data.set([0xc0, 0x7f], header[name].data_offsets[1] - 2)),
    );
    const files = await readModelFiles(folder);
    await using machine = await createMachine();
    const before = machine.arena.used;
    const store = new WeightStore(machine, files.linears);
    await expect(loadWeights(machine, store, files, { turns })).rejects.toThrow(NumericsError);
    expect([store.bytes, machine.arena.used]).toEqual([0, before]);
  });

  it("has overlays show weights where they are, and keep what a job puts in their place", async () => {
    const { machine, files } = await open(SMALL);
    await using _ = machine;
    const store = new WeightStore(machine, files.linears);
    const { weights } = await runnable(machine, files, store);
    const { q, k } = attentionOf(weights.layers[0]);
    const { q: own, k: replaced } = attentionOf(overlayOf(weights).layers[0]);
    replaced.matrix = q.matrix;
    expect([own.name, own.rows, own.matrix, k.matrix === replaced.matrix]).toEqual([q.name, q.rows, q.matrix, false]);
    for (const linear of [q, k]) store.evict(linear);
    expect([own.matrix.ptr, replaced.matrix.ptr > 0]).toEqual([0, true]);
    await store.load(k, turns);
    await store.load(q, turns);
    expect(own.matrix).toBe(q.matrix);
    await files.index.close();
  });

  it("knows only its own linears", async () => {
    const { machine, files } = await open(SMALL);
    await using _ = machine;
    const [store, other] = [new WeightStore(machine, files.linears), new WeightStore(machine, files.linears)];
    await expect(store.load(other.linears[0], turns)).rejects.toThrow("is no linear of this store");
    expect(store.memoryOf(0)).toBe(machine);
    await files.index.close();
  });
});
