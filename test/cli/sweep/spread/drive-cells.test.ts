import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Queue } from "bullmq";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommandSession } from "../../../../src/cli/session/command-session.ts";
import type { SweepCell } from "../../../../src/cli/sweep/cell-list.ts";
import { type Drive, driveCells } from "../../../../src/cli/sweep/spread/drive-cells.ts";
import { keepResult } from "../../../../src/cli/sweep/spread/results.ts";
import { SweepMetrics } from "../../../../src/cli/sweep/spread/sweep-metrics.ts";
import type { SweepJob } from "../../../../src/cli/sweep/spread/sweep-queue.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";
import type { Store } from "../../../../src/cli/sweep/store/store.ts";

const cellOf = (key: string, model: string): SweepCell => ({
  ...{ key, seed: 0, hashes: { model, calibration: "c", metrics: "m" }, model: { name: model, path: model } },
  plan: { name: "p", policy: "uniform:3" },
  ...{ grid: { name: "g" }, calibration: { name: "c" } },
});

/** A queue that does each job at once: preparations succeed, cells leave a result of two seconds, and "bad" fails. */
class QuickQueue {
  readonly added: string[] = [];
  readonly #states: Map<string, string> = new Map();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  getFailed = async () => [];
  getActive = async () => [];
  getWorkersCount = async () => 1;

  async getJob(id: string): Promise<unknown> {
    const state = this.#states.get(id);
    return state && { getState: async () => state, failedReason: "no memory", remove: async () => {} };
  }

  async add(name: string, { keys }: SweepJob, { jobId }: { readonly jobId: string }): Promise<void> {
    this.added.push(`${name} ${keys}`);
    this.#states.set(jobId, keys[0] === "bad" && name === "cell" ? "failed" : "completed");
    if (name === "cell" && keys[0] !== "bad")
      await keepResult(this.#store, keys[0], { key: keys[0], averageBits: 3, timing: { seconds: 2 } });
  }
}

describe("the driver of cells", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-drive-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("adds each cell to the queue of its memory, collects its result, and counts it", async () => {
    const store = folderStore(folder);
    const queues = { small: new QuickQueue(store), large: new QuickQueue(store) };
    const cells = [cellOf("a", "small"), cellOf("bad", "large"), cellOf("b", "large")];
    const [metrics, lines] = [new SweepMetrics(), [] as string[]];
    const drive = {
      ...{ store, metrics, study: "s", config: { metrics: [], plans: [] }, onResult: () => {} },
      queueOf: ({ model }: SweepCell) => queues[model.path as keyof typeof queues] as unknown as Queue<SweepJob>,
      journal: { append: async (line: string) => void lines.push(line) },
    } as unknown as Drive;
    const session = { signal: new AbortController().signal, report: () => {}, note: () => {} };
    const failed = await driveCells(session as unknown as CommandSession, cells, drive);
    expect(failed).toEqual([{ cell: cells[1], message: "no memory" }]);
    expect(lines.map((line) => JSON.parse(line).key).sort()).toEqual(["a", "b"]);
    expect(metrics.cells).toEqual({ done: 2, failed: 1, running: 0, waiting: 0 });
    expect(metrics.seconds).toBe(4);
    expect(queues.small.added).toEqual(["prepare a", "cell a"]);
    expect(queues.large.added).toEqual(expect.arrayContaining(["prepare bad,b", "cell bad", "cell b"]));
  });
});
