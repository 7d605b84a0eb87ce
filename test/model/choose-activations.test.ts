import { describe, expect, it } from "vitest";
import { chooseActivations, defaultMode } from "../../src/model/choose-activations.ts";
import type { StoredLinear } from "../../src/model/weights/locate.ts";

/** A linear of which only its storage is looked at. */
function storedAs(stored: object): Pick<StoredLinear, "stored"> {
  return { stored } as unknown as Pick<StoredLinear, "stored">;
}

const FLOATS = storedAs({ kind: "float", dtype: "f16" });
const CODES = storedAs({ kind: "packed", bits: 4, groupSize: 32 });
const SMALL_FLOATS = storedAs({ kind: "packed", bits: 8, groupSize: 32, isFloatFormat: true });
const BLOCKS = storedAs({ kind: "blocks", bits: 6, groupSize: 16, blockSize: 256 });

describe("the default arithmetic", () => {
  it.each([
    ["floats", [FLOATS], "f32"],
    ["small floats", [FLOATS, SMALL_FLOATS], "f32"],
    ["codes", [FLOATS, CODES], "int8"],
    ["blocks", [FLOATS, BLOCKS], "int8"],
  ] as const)("of %s", (_, linears, mode) => {
    expect(defaultMode(linears)).toBe(mode);
    expect(chooseActivations(linears, {})).toEqual({ mode, group: 32 });
    expect(chooseActivations(linears, { activations: "int16" }).mode).toBe("int16");
  });
});
