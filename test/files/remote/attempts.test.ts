import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Attempts, retryAfterMs, retryRule } from "../../../src/files/remote/attempts.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

/** Milliseconds until the wait ends. */
async function waitOf(attempts: Attempts, askedMs?: number): Promise<number> {
  const start = Date.now();
  const wait = attempts.again({ problem: "it failed", askedMs }).then(() => Date.now() - start);
  await vi.runAllTimersAsync();
  return wait;
}

describe("Attempts", () => {
  it("wait longer each time, random in part, up to a bound", async () => {
    const attempts = new Attempts("file", retryRule({ attempts: 10, firstMs: 100, mostMs: 1000 }));
    for (const most of [100, 200, 400, 800, 1000, 1000]) {
      const wait = await waitOf(attempts);
      expect(wait).toBeGreaterThanOrEqual(most / 2);
      expect(wait).toBeLessThanOrEqual(most);
    }
    attempts.progressed();
    expect(await waitOf(attempts)).toBeLessThanOrEqual(100);
  });

  it("wait exactly as long as a server asks, and end where it asks too much or all have failed", async () => {
    const attempts = new Attempts("file", retryRule({ attempts: 2 }));
    expect(await waitOf(attempts, 7000)).toBe(7000);
    await expect(attempts.again({ problem: "it failed", status: 503 })).rejects.toMatchObject({
      message: "file: it failed in 2 attempts",
      status: 503,
    });
    const fresh = new Attempts("file", retryRule());
    await expect(fresh.again({ problem: "it failed", askedMs: 61_000 })).rejects.toThrow("asks to wait 61 s");
  });
});

describe("retryAfterMs", () => {
  it("reads seconds and dates", () => {
    expect(retryAfterMs("3")).toBe(3000);
    expect(retryAfterMs(new Date(1_005_000).toUTCString())).toBe(5000);
    expect(retryAfterMs(new Date(0).toUTCString())).toBe(0);
    expect(retryAfterMs("soon")).toBeUndefined();
    expect(retryAfterMs(null)).toBeUndefined();
  });
});
