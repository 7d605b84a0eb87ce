import { describe, expect, it, vi } from "vitest";
import { closedInTime, jobId, withoutPassword } from "../../../../src/cli/sweep/spread/sweep-queue.ts";
import { quern } from "../../quern.ts";
import { CONFIG, SweepFolder } from "../sweep-folder.ts";

describe("the queue of a sweep", () => {
  it("gives jobs ids that BullMQ accepts", () => {
    expect(jobId("cell", "0123")).toMatch(/^[a-z]+-0123$/);
  });

  it("waits for connections that close, but not for ever", async () => {
    vi.useFakeTimers();
    try {
      expect(await closedInTime(async () => "closed")).toBe(true);
      expect(vi.getTimerCount()).toBe(0);
      const hung = closedInTime(() => new Promise(() => {}));
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await hung).toBe(false);
      await expect(closedInTime(() => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("shows no password", () => {
    expect(withoutPassword("redis://:secret@host:6379")).toBe("redis://@host:6379");
    expect(withoutPassword("postgres://me:secret@host/db")).toBe("postgres://me@host/db");
    expect(withoutPassword("redis://host:6379")).toBe("redis://host:6379");
  });

  it.each([
    [["--queue", "redis://h"], "--queue: found no --store"],
    [["--store", "s"], "--store: found no --queue"],
    [["--status"], "--status: found no --queue"],
    [["--metrics", "0"], "--metrics: found no --queue"],
    [["--queue", "redis://h", "--store", "s", "--metrics", "x"], '--metrics: found "x", expected PORT or HOST:PORT'],
    [["--queue", "http://me:secret@h", "--store", "s"], "--queue: found http://me@h, expected redis://HOST:PORT"],
    [["--queue", "redis://127.0.0.1:1", "--store", "s"], "expected a Redis or Valkey server that answers"],
    [["--queue", "postgres://me:secret@127.0.0.1:1/db", "--store", "s"], "expected a Postgres server that answers"],
    [["--queue", "redis://h", "--store", "s", "--jobs", "2"], "--jobs: found it with --queue"],
    [["--queue", "redis://h", "--store", "ftp://b"], "--store: found ftp://b, expected a folder that all machines see"],
    [["--queue", "redis://h", "--store", "s3://b"], "--store: found no AWS_ACCESS_KEY_ID"],
  ])("refuses %j", (options, message) => {
    using folder = new SweepFolder();
    const run = quern(["sweep", folder.write("study.json", CONFIG), ...options, "--output", folder.at("out.jsonl")]);
    expect(run.stderr).toContain(message);
    expect(run.stderr).not.toContain("secret");
    expect(run.status).toBe(2);
  });
});
