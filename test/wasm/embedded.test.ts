import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { embeddedKernels } from "../../src/wasm/embedded.ts";
import { repositoryFile } from "../helpers/shared.ts";

const PACKED = "../../src/wasm/generated/packed-kernels.ts";

afterEach(() => vi.doUnmock(PACKED));

it("loads the kernels again when they could not be loaded, and then once", async () => {
  vi.doMock(PACKED, () => {
    throw new Error("offline");
  });
  await expect(embeddedKernels()).rejects.toThrow();
  vi.doUnmock(PACKED);
  const kernels = embeddedKernels();
  expect(embeddedKernels()).toBe(kernels);
  const { base, relaxed } = (await kernels) as { base: Uint8Array<ArrayBuffer>; relaxed: Uint8Array };
  expect(WebAssembly.validate(base)).toBe(true);
  expect(relaxed.subarray(0, 8)).toEqual(base.subarray(0, 8));
  expect(Buffer.from(base).equals(readFileSync(repositoryFile("dist/wasm/base.wasm")))).toBe(true);
});
