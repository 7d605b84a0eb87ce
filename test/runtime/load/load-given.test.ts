import { describe, expect, it } from "vitest";
import { loadGiven } from "../../../src/runtime/load/load-given.ts";
import type { KernelModules } from "../../../src/wasm/machine.ts";

const never = <T>() => new Promise<T>(() => {});

describe("loadGiven", () => {
  it("finds the model's files while its kernels are on their way", async () => {
    const lost = Promise.reject(new Error("no such files"));
    await expect(loadGiven(lost, never<KernelModules>(), {})).rejects.toThrow("no such files");
  });

  it("tells of kernels that do not come, whatever becomes of the files", async () => {
    await expect(loadGiven(never(), Promise.reject(new Error("offline")), {})).rejects.toThrow("offline");
  });
});
