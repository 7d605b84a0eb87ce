/** The grid in a cell's key: with its defaults, so that no result made under others passes for it. */
import { describe, expect, it } from "vitest";
import { wholeGrids } from "../../../src/cli/sweep/cell-grid.ts";
import { DEFAULT_GRID, LOW_BIT_GRID, STUDY_GRID } from "../../../src/compress/recipe/settings.ts";

describe("wholeGrids", () => {
  it("holds every default of quantize, for few bits and for more", () => {
    expect(wholeGrids({ name: "default" })).toEqual({
      groupSize: 64,
      low: { ...LOW_BIT_GRID, gateWeighted: false },
      high: { ...DEFAULT_GRID, gateWeighted: false, shrinkage: 0, errorFeedback: 0 },
    });
  });

  it("is the same however a grid is told, and whatever its name", () => {
    expect(wholeGrids({ name: "told", groupSize: 64, gateWeighted: false })).toEqual(wholeGrids({ name: "default" }));
    expect(wholeGrids({ name: "study", preset: "study" })).toMatchObject({ low: STUDY_GRID, high: STUDY_GRID });
  });

  it.each([
    { shrinkage: 1 },
    { errorFeedback: 0.5 },
    { groupSize: 32 },
    { method: "rtn" },
    { gateWeighted: true },
  ] as const)("differs for %o", (change) => {
    const told = (grid: object) => JSON.stringify(wholeGrids({ name: "g", ...grid }));
    expect(told(change)).not.toBe(told({}));
  });
});
