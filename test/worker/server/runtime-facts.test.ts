import { afterEach, describe, expect, it, vi } from "vitest";
import { runtimeFacts } from "../../../src/worker/server/runtime-facts.ts";
import { OpfsStore } from "../../../src/worker/store/opfs-store.ts";
import { FakeDirectory } from "../../helpers/fake-directory.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("runtimeFacts", () => {
  it("tells threads and storage, and lacks nothing here", async () => {
    const facts = await runtimeFacts(new OpfsStore(new FakeDirectory()));
    expect(facts).toMatchObject({ simd: true, sharedMemory: true, storage: "opfs", lacks: [] });
    expect(facts.threads).toBeGreaterThan(0);
  });

  it("says in a sentence each what is missing and what still works", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    vi.stubGlobal("crossOriginIsolated", false);
    const { simd, sharedMemory, threads, storage, lacks } = await runtimeFacts(undefined);
    expect({ simd, sharedMemory, threads, storage }).toEqual({
      simd: false,
      sharedMemory: false,
      threads: 1,
      storage: "none",
    });
    expect(lacks).toHaveLength(3);
    expect(lacks[0]).toMatch(/no WebAssembly SIMD, so no model can run/);
    expect(lacks[1]).toMatch(/one thread\. Everything works/);
    expect(lacks[2]).toMatch(/Files and addresses work/);
  });

  it("passes on what the browser tells of its quota", async () => {
    vi.stubGlobal("navigator", { storage: { estimate: async () => ({ usage: 5, quota: 9 }) } });
    expect(await runtimeFacts(undefined)).toMatchObject({ usage: 5, quota: 9 });
  });
});
