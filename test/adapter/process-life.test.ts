import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isAlive, lifeText, ownLife, parseLife } from "../../src/adapter/process-life.ts";

describe("a process's life", () => {
  it("is read as it is written", () => {
    expect(parseLife(lifeText({ pid: 123, started: 456 }))).toEqual({ pid: 123, started: 456 });
    expect(parseLife("123")).toEqual({ pid: 123, started: 0 });
    expect(parseLife(lifeText(ownLife()))).toEqual(ownLife());
  });

  it.each(["", "0", "-1", "12-", "12-x", "x12-3", "12-3-4", "12345678901", " 12-3"])("is not what %j says", (text) => {
    expect(parseLife(text)).toBeUndefined();
  });

  it("lasts while the process runs", () => {
    const { pid } = spawnSync(process.execPath, ["-e", "0"]);
    expect(isAlive(ownLife())).toBe(true);
    expect(isAlive({ pid: process.pid, started: 0 })).toBe(true);
    expect(isAlive({ pid, started: 0 })).toBe(false);
  });

  it.runIf(existsSync("/proc/self/stat"))("is not that of a process that was given the same number later", () => {
    const { pid, started } = ownLife();
    expect(started).toBeGreaterThan(0);
    expect(isAlive({ pid, started: started + 1 })).toBe(false);
  });
});
