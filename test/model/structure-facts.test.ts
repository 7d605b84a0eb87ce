import { describe, expect, it } from "vitest";
import type { ModuleFacts } from "../../src/model/inspect.ts";
import { structureFacts } from "../../src/model/structure-facts.ts";

const module = (role: ModuleFacts["role"], type: string, bytes: number): ModuleFacts => ({
  ...{ name: "m", role, layer: 0, expert: -1, projection: "gate", shape: [16, 32] },
  ...{ bits: 4, groupSize: 32, type, bytes, memoryBytes: 2 * bytes },
});

describe("structureFacts", () => {
  it("adds up each structure and names its types, the most frequent first", () => {
    const facts = structureFacts([
      module("expert", "Q8_0", 544),
      module("head", "Q6_K", 420),
      module("expert", "Q4_K", 288),
      module("expert", "Q4_K", 288),
    ]);
    expect(facts).toEqual([
      {
        ...{ role: "expert", modules: 3, parameters: 1536, types: ["Q4_K", "Q8_0"] },
        ...{ bitsPerWeight: (8 * 1120) / 1536, bytes: 1120, memoryBytes: 2240 },
      },
      {
        ...{ role: "head", modules: 1, parameters: 512, types: ["Q6_K"] },
        ...{ bitsPerWeight: 6.5625, bytes: 420, memoryBytes: 840 },
      },
    ]);
  });
});
