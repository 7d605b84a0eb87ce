/** Some hundred inputs an area, fewer where a model is loaded, the same every time; `npm run fuzz` makes as many as there is time for (CONTRIBUTING.md). */
import { describe, expect, it } from "vitest";
import { inputOf, outcomeOf } from "./area.ts";
import { AREAS } from "./areas.ts";

/** Loading a model takes a hundred times as long as reading a line. */
const COUNTS: Readonly<Record<string, number>> = {
  safetensors: 60,
  shards: 60,
  gguf: 60,
  gptq: 60,
  config: 80,
  blocks: 60,
  tokenizer: 100,
};
const SEED = 12;

describe("hostile inputs end in a typed error or work", () => {
  it.each(Object.keys(AREAS))("%s", async (name) => {
    const area = await AREAS[name]();
    const counts = { works: 0, refused: 0 };
    for (let index = 0; index < (COUNTS[name] ?? 200); index++) {
      try {
        counts[await outcomeOf(area, inputOf(area, name, SEED, index))]++;
      } catch (cause) {
        throw new Error(`input ${index}: npm run fuzz -- ${name} 60 --seed ${SEED} --from ${index} --count 1`, {
          cause,
        });
      }
    }
    // An area that refuses all or nothing tests only its first check.
    expect(counts.works).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(0);
  });

  it("follow from area, seed and number", async () => {
    const area = await AREAS["plans"]();
    const text = (index: number) => new TextDecoder().decode(inputOf(area, "plans", SEED, index)["plan.json"]);
    expect(text(3)).toBe(text(3));
    expect(new Set([0, 1, 2, 3, 4, 5].map(text)).size).toBeGreaterThan(3);
  });
});
