import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "bullmq";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CommandSession } from "../../../../../src/cli/session/command-session.ts";
import { classQueue, keepQueue } from "../../../../../src/cli/sweep/spread/store-queues.ts";
import { SweepMetrics } from "../../../../../src/cli/sweep/spread/sweep-metrics.ts";
import type { OpenedQueue, RunJob, SweepJob } from "../../../../../src/cli/sweep/spread/sweep-queue.ts";
import { JobTaker } from "../../../../../src/cli/sweep/spread/work/take-jobs.ts";
import { folderStore } from "../../../../../src/cli/sweep/store/folder-store.ts";

/** Queues that note which of them are worked on, and let a test give jobs and events. */
class Queues {
  readonly build = "mine";
  readonly log: string[] = [];
  readonly runs: Map<string, RunJob> = new Map();
  readonly events: Map<string, (value: unknown) => void> = new Map();

  worker(name: string, run: RunJob): unknown {
    this.log.push(`works on ${name}`);
    this.runs.set(name, run);
    return {
      on: (event: string, act: (value: unknown) => void) => this.events.set(event, act),
      close: async () => void this.log.push(`leaves ${name}`),
    };
  }
}

describe("a worker's jobs", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-take-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are those of the store's queues whose cells fit, also of queues that come later, and are counted", async () => {
    const [store, queues, metrics] = [folderStore(join(folder, "store")), new Queues(), new SweepMetrics()];
    const notes: string[] = [];
    const session = { note: (message: string) => void notes.push(message), signal: new AbortController().signal };
    const wish = { store, opened: queues as unknown as OpenedQueue, metrics, scratch: join(folder, "scratch") };
    const each = { jobs: 1, threads: 1, lease: 5, memory: 2e9 };
    const taker = new JobTaker(session as unknown as CommandSession, { ...wish, ...each });
    await taker.begin();
    expect(queues.log).toEqual([]);
    await keepQueue(store, classQueue("mine", 8));
    await keepQueue(store, classQueue("mine", 2));
    await vi.waitFor(() => expect(queues.log).toEqual(["works on mine-2gb"]), { timeout: 10_000 });
    expect(notes).toEqual([expect.stringContaining("that may need 8 GB, and this worker has 2.0 GB for each")]);

    const job = { name: "cell", data: { study: "none", keys: ["k"] }, attemptsMade: 0 } as unknown as Job<SweepJob>;
    await expect(queues.runs.get("mine-2gb")?.(job, "t", undefined)).rejects.toThrow("found no such file");
    queues.events.get("lockRenewalFailed")?.(["one", "two"]);
    queues.events.get("stalled")?.("three");
    expect([metrics.cells.failed, metrics.lostLeases, metrics.stalls]).toEqual([1, 2, 1]);

    await taker.end();
    expect(queues.log).toEqual(["works on mine-2gb", "leaves mine-2gb"]);
  });
});
