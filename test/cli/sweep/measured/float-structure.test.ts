import { describe, expect, it } from "vitest";
import { structureOf } from "../../../../src/cli/sweep/measured/float-structure.ts";
import type { Model } from "../../../../src/model/model.ts";

const linear = (name: string, role: string, layer: number, projection: string) => ({ name, role, layer, projection });

describe("structureOf", () => {
  it("gathers the outlier scores of a layer's experts into their largest, and passes over linears without a score", () => {
    const linears = [
      linear("0.q", "attention", 0, "q"),
      linear("0.router", "router", 0, "router"),
      linear("0.a.down", "expert", 0, "down"),
      linear("0.b.down", "expert", 0, "down"),
      linear("1.a.down", "expert", 1, "down"),
    ];
    const model = { files: { linears } } as unknown as Model;
    const scores = { "0.q": 3, "0.a.down": 7, "0.b.down": 9, "1.a.down": 2 };
    const found = structureOf(model, {
      blocks: [
        { layer: 0, cosine: 0.75, cosineModule: 0 },
        { layer: 1, cosine: -0.5, cosineModule: 0 },
      ],
      linears: Object.entries(scores).map(([name, outlier]) => ({ name, outlier, kurtosis: 0 })),
    });
    expect(found).toEqual({
      blocks: [
        { layer: 0, importance: 0.25 },
        { layer: 1, importance: 1.5 },
      ],
      outliers: [
        { layer: 0, role: "attention", projection: "q", score: 3 },
        { layer: 0, role: "expert", projection: "down", score: 9 },
        { layer: 1, role: "expert", projection: "down", score: 2 },
      ],
    });
  });
});
