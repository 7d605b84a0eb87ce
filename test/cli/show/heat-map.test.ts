import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { heatMap } from "../../../src/cli/show/heat-map.ts";

describe("heatMap", () => {
  it("shows each expert's share of its layer's tokens, darker above an even share", () => {
    const uses = [
      { layer: 3, expert: 0, tokens: 0 },
      { layer: 3, expert: 1, tokens: 40 },
      { layer: 1, expert: 0, tokens: 10 },
      { layer: 1, expert: 1, tokens: 10 },
    ];
    const [, head, ...rows] = stripVTControlCharacters(heatMap(uses)).split("\n");
    expect(head).toBe("layer   e0   e1");
    expect(rows).toEqual(["    1 \u2592 50 \u2592 50", "    3    0 \u2588100"]);
  });

  it("shows a layer that no token reached", () => {
    expect(stripVTControlCharacters(heatMap([{ layer: 0, expert: 0, tokens: 0 }]))).toContain("    0    0");
  });
});
