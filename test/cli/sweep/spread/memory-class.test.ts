import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SweepCell } from "../../../../src/cli/sweep/cell-list.ts";
import { classOf, fits, memoryClasses } from "../../../../src/cli/sweep/spread/memory-class.ts";

const cellOf = (path: string): SweepCell => ({
  ...{ key: path, seed: 0, hashes: {}, model: { name: path, path } },
  plan: { name: "p", policy: "uniform:3" },
  ...{ grid: { name: "g" }, calibration: { name: "c" } },
});

describe("memory classes of cells", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-memory-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are three times the bytes of the model's files and half a gigabyte, rounded up to a power of two", async () => {
    // Files with a hole: they have a size, and take no room.
    const write = (name: string, bytes: number) => {
      writeFileSync(join(folder, name), "");
      truncateSync(join(folder, name), bytes);
      return join(folder, name);
    };
    mkdirSync(join(folder, "parts/more"), { recursive: true });
    write("parts/one.safetensors", 300e6);
    write("parts/more/two.safetensors", 200e6 + 1);
    const [file, parts] = [write("model.gguf", 100e6), join(folder, "parts")];
    const classes = await memoryClasses([cellOf(file), cellOf(parts), cellOf(file)]);
    expect([...classes]).toEqual([
      [file, 1],
      [parts, 4],
    ]);
    await expect(memoryClasses([cellOf(join(folder, "none"))])).rejects.toThrow("found no such file");
  });

  it("have room for what they are chosen for, and no class below has", () => {
    for (const bytes of [1, 1e9, 1e9 + 1, 2e9, 7.5e9, 300e9]) {
      expect(fits(classOf(bytes), classOf(bytes) * 1e9)).toBe(true);
      expect(classOf(bytes) * 1e9).toBeGreaterThanOrEqual(bytes);
      expect(classOf(bytes) === 1 || (classOf(bytes) / 2) * 1e9 < bytes).toBe(true);
    }
    expect(fits(8, 6e9)).toBe(false);
    expect(fits(4, 6e9)).toBe(true);
  });
});
