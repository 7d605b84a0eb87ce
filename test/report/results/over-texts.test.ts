import { describe, expect, it } from "vitest";
import { overTexts } from "../../../src/report/results/over-texts.ts";

const near = { mean: 1, stdErr: 0.3, windows: [0.5, 1.5], sameTop: 0.9 };
const far = { mean: 4, stdErr: 0.4, windows: [3, 4, 5, 4, 4, 4], sameTop: 0.5 };

describe("overTexts", () => {
  it("is the mean over all windows, with errors of independent texts", () => {
    const found = overTexts([near, far]);
    expect(found?.windows).toEqual([0.5, 1.5, 3, 4, 5, 4, 4, 4]);
    expect(found?.mean).toBeCloseTo((1 * 2 + 4 * 6) / 8, 12);
    expect(found?.stdErr).toBeCloseTo(Math.hypot(0.25 * 0.3, 0.75 * 0.4), 12);
    expect(found?.sameTop).toBeCloseTo(0.6, 12);
  });

  it("gives each text one weight where windows are missing, and no top where one text has none", () => {
    const found = overTexts([near, { ...far, windows: [], sameTop: undefined }]);
    expect(found).toMatchObject({ mean: 2.5, windows: [], sameTop: undefined });
  });

  it("of one text is that text, of none nothing", () => {
    expect(overTexts([near])).toBe(near);
    expect(overTexts([])).toBeUndefined();
  });
});
