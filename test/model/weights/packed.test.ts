/** GPTQ checkpoints of other tools: logits from the dequantised weights, made outside the project. */
import { describe, expect, it } from "vitest";
import { allLogits, argmax, largestDifference, openModel, PACKED_CASES, readExpected, rms } from "../cases.ts";

const PRESENT = PACKED_CASES.filter(({ path }) => path !== undefined);
const ABSENT = PACKED_CASES.filter(({ path }) => path === undefined);

it.skipIf(ABSENT.length === 0)(`needs QUERN_SHARED for ${ABSENT.map(({ name }) => name).join(", ")}`, () => {});

describe.each(PRESENT)("packed weights of $name", ({ path }) => {
  const expected = readExpected(path as string);

  it("give the logits of their dequantised values with f32 activations", async () => {
    await using model = await openModel(path as string, { activations: "f32" });
    const logits = await allLogits(model, expected.ids);
    expect(largestDifference(logits, expected.logits)).toBeLessThanOrEqual(1e-4);
  });

  it("round the activations to int8 unless told otherwise, and stay close", async () => {
    await using model = await openModel(path as string);
    expect(model.activations).toEqual({ mode: "int8", group: 32 });
    await using wide = await openModel(path as string, { activations: "int16" });
    const difference = (logits: Float32Array) => largestDifference(logits, expected.logits) / rms(expected.logits);
    const int8 = difference(await allLogits(model, expected.ids));
    const int16 = difference(await allLogits(wide, expected.ids));
    // A rounding of 1/127 against one of 1/32767.
    expect(int16).toBeLessThan(int8 / 20);
    expect(int8).toBeGreaterThan(0);
    expect(argmax(await allLogits(wide, expected.ids))).toBe(argmax(expected.logits));
  });
});
