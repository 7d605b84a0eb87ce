import { expect, it } from "vitest";
import { HAS_RELAXED } from "../helpers/kernels.ts";

// The check sets this under a runtime that must have relaxed SIMD: there, the relaxed build must really have run.
it.runIf(process.env["QUERN_NEEDS_RELAXED"] === "1")("runs the relaxed build where the check asks for it", () => {
  expect(HAS_RELAXED).toBe(true);
});
