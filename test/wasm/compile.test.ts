import { afterEach, expect, it, vi } from "vitest";
import { UnsupportedError } from "../../src/base/errors.ts";
import { compile } from "../../src/wasm/compile.ts";

/** A module without anything in it. */
const EMPTY = [0, 97, 115, 109, 1, 0, 0, 0];

afterEach(() => vi.restoreAllMocks());

it("compiles the same bytes once", async () => {
  const bytes = new Uint8Array(EMPTY);
  const module = await compile(bytes, false);
  expect(module).toBeInstanceOf(WebAssembly.Module);
  expect(await compile(bytes, false)).toBe(module);
});

it("refuses a runtime without SIMD in a sentence, before it compiles", () => {
  vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
  const compiling = vi.spyOn(WebAssembly, "compile");
  expect(() => compile(new Uint8Array(EMPTY), false)).toThrow(UnsupportedError);
  expect(() => compile(new Uint8Array(EMPTY), false)).toThrow(
    /found a runtime without SIMD, expected SIMD \(Chrome 91/,
  );
  expect(compiling).not.toHaveBeenCalled();
});
