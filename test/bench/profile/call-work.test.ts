import { describe, expect, it } from "vitest";
import { arithmeticOf } from "../../../src/bench/profile/call-work.ts";

describe("arithmeticOf", () => {
  it.each([
    ["matmul_w4a8", "dotI8", 1],
    ["matmul_w8a8_dot", "dotI8", 1],
    ["matmul_blocks_a8", "dotI8", 1],
    ["matmul_w8a16", "dotI16", 1],
    // Two planes of bytes: each multiply-add of a 16-bit code is two of bytes.
    ["matmul_w4a16_dot", "dotI8", 2],
    ["matmul_f32", "f32", 1],
    ["attend", "f32", 1],
  ])("finds what %s multiplies", (kernel, ceiling, cost) => {
    expect(arithmeticOf(kernel)).toEqual({ ceiling, cost });
  });
});
