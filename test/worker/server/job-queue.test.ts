import { describe, expect, it } from "vitest";
import { JobQueue } from "../../../src/worker/server/job-queue.ts";

const later = () => new Promise<void>((resolve) => setTimeout(resolve, 2));
const never = new AbortController().signal;

/** Runs jobs named after whether they share, and tells when each begins and ends. */
function recorded() {
  const queue = new JobQueue();
  const log: string[] = [];
  const run = (name: string, alone: boolean, signal = never) =>
    queue.run(alone, signal, async () => {
      log.push(`+${name}`);
      await later();
      log.push(`-${name}`);
      return name;
    });
  return { log, run };
}

describe("JobQueue", () => {
  it("runs jobs that share side by side, and others alone, in the order of their coming", async () => {
    const { log, run } = recorded();
    await Promise.all([run("a", false), run("b", false), run("C", true), run("d", false), run("E", true)]);
    expect(log).toEqual(["+a", "+b", "-a", "-b", "+C", "-C", "+d", "-d", "+E", "-E"]);
  });

  it("lets a job go that is aborted while it waits, and those behind it on", async () => {
    const { log, run } = recorded();
    const controller = new AbortController();
    const jobs = [run("a", false), run("B", true, controller.signal), run("c", false)];
    controller.abort(new Error("given up"));
    const found = await Promise.allSettled(jobs);
    expect(found.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(log).toEqual(["+a", "+c", "-a", "-c"]);
  });

  it("goes on after a job that fails", async () => {
    const { run } = recorded();
    const queue = new JobQueue();
    await expect(queue.run(true, never, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(await queue.run(true, never, async () => 7)).toBe(7);
    expect(await run("x", true)).toBe("x");
  });
});
