/** How many threads a machine gets: the default, and what is told where fewer are granted. */
import { availableParallelism } from "node:os";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createMachine, embeddedKernels } from "../../../src/wasm/embedded.ts";
import { defaultThreads } from "../../../src/wasm/features.ts";
import { Machine } from "../../../src/wasm/machine.ts";
import { takeMemory } from "../../../src/wasm/memory/memories.ts";

afterEach(() => vi.unstubAllGlobals());

/** As a browser has it: no node:worker_threads. */
function stubWorkers(worker: unknown): void {
  vi.stubGlobal("process", { ...process, getBuiltinModule: undefined, on: process.on.bind(process) });
  vi.stubGlobal("Worker", worker);
}

async function create(options: Parameters<typeof createMachine>[0]): Promise<[Machine, string[]]> {
  const told: string[] = [];
  return [await createMachine({ ...options, onWarning: (sentence) => told.push(sentence) }), told];
}

/** Adds 1 to a row, to see that the machine computes. */
function computes(machine: Machine): boolean {
  using memory = machine.arena.region();
  const y = memory.place(new Float32Array(16).fill(1));
  machine.call("add_f32", 1, y, 16, y, 16, 16);
  return machine.arena.f32(y, 16).every((value) => value === 2);
}

describe("patience", () => {
  it("is 200 us, or what is asked for, with several threads, and 0 with one", async () => {
    for (const [options, patience] of [
      [{ threads: 2 }, 200],
      [{ threads: 2, patience: 0 }, 0],
      [{ threads: 2, patience: 5000 }, 5000],
      [{ threads: 1, patience: 5000 }, 0],
    ] as const) {
      await using machine = await createMachine(options);
      expect(machine.patience).toBe(patience);
      expect(computes(machine)).toBe(true);
    }
  });

  it.each([-1, 0.5, 1_000_001, Number.NaN])("of %s is refused", async (patience) => {
    await expect(createMachine({ threads: 2, patience })).rejects.toThrow(
      `patience: found ${patience}, expected whole microseconds from 0 to 1000000`,
    );
  });
});

describe("threads", () => {
  it("are the cores where none are asked for, 1 where memory cannot be shared", async () => {
    const [machine, told] = await create({});
    expect(machine.threads).toBe(Math.min(64, availableParallelism()));
    expect(defaultThreads()).toBe(machine.threads);
    await machine[Symbol.asyncDispose]();
    vi.stubGlobal("crossOriginIsolated", false);
    const [page, toldPage] = await create({});
    expect(page.threads).toBe(1);
    expect([...told, ...toldPage]).toEqual([]);
    await page[Symbol.asyncDispose]();
  });

  it("that were asked for and cannot be: one, and a warning", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const [page, told] = await create({ threads: 2 });
    expect(page.threads).toBe(1);
    expect(told).toEqual([
      "threads: found 2, runs on 1: memory cannot be shared here (a page must be cross-origin isolated)",
    ]);
    expect(computes(page)).toBe(true);
    await page[Symbol.asyncDispose]();
    vi.unstubAllGlobals();
    const base = await WebAssembly.compile((await embeddedKernels()).base as Uint8Array<ArrayBuffer>);
    const sentences: string[] = [];
    await using edge = await Machine.create(
      { base },
      { threads: 3, onWarning: (sentence) => sentences.push(sentence) },
    );
    expect(edge.threads).toBe(1);
    expect(sentences).toEqual([
      expect.stringMatching(/^threads: found 3, runs on 1: kernels that are already compiled/),
    ]);
    await using quiet = await Machine.create({ base });
    expect(quiet.threads).toBe(1);
  });

  const live = { started: 0, ended: 0 };

  /** A policy without `worker-src blob:` tells it by an event without a word, or by throwing. */
  const refusing = {
    "an event": class {
      onerror: ((event: unknown) => void) | undefined;
      readonly index: number = live.started++;
      constructor() {
        if (this.index % 2 === 1) setTimeout(() => this.onerror?.({ type: "error" }), 5);
      }
      postMessage(): void {}
      terminate(): void {
        live.ended++;
      }
    },
    "an exception": class {
      constructor() {
        if (live.started === 1) throw new Error("SecurityError");
        live.started++;
      }
      postMessage(): void {}
      terminate(): void {
        live.ended++;
      }
    },
  };
  it.each(Object.keys(refusing) as (keyof typeof refusing)[])(
    "fall back to one where workers are refused by %s; none stays, nor does memory",
    async (kind) => {
      Object.assign(live, { started: 0, ended: 0 });
      stubWorkers(refusing[kind]);
      const urls = new Set<string>();
      const { createObjectURL, revokeObjectURL } = URL;
      vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
        const url = createObjectURL.call(URL, blob);
        urls.add(url);
        return url;
      });
      vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => {
        urls.delete(url);
        revokeObjectURL.call(URL, url);
      });
      const [machine, told] = await create({ threads: 3 });
      expect(machine.threads).toBe(1);
      expect(told).toEqual([
        "threads: found 3, runs on 1: workers cannot be started here (a content security policy must allow worker-src blob:)",
      ]);
      expect(live.ended).toBe(live.started);
      expect([...urls]).toEqual([]);
      expect(computes(machine)).toBe(true);
      const { memory } = machine;
      await machine[Symbol.asyncDispose]();
      expect(takeMemory(true)).toBe(memory);
      vi.restoreAllMocks();
    },
  );
});
