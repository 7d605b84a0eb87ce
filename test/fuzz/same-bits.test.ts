/** Two hundred configurations drawn at random: each gives the same bits for every build of the kernels, number of threads and cut into batches. */
import { describe, expect, it } from "vitest";
import { type Configuration, drawEngines, Machines } from "./bits/engines.ts";
import { drawMatrix } from "./bits/matrices.ts";
import { drawModel } from "./bits/models.ts";
import { Dice } from "./dice.ts";

/** `QUERN_CONFIGURATIONS=40` draws forty times as many, and `QUERN_SEED=7` others. */
const TIMES = Number(process.env["QUERN_CONFIGURATIONS"] ?? 1);
const SEED = Number(process.env["QUERN_SEED"] ?? 17);

const AREAS: readonly (readonly [name: string, count: number, draw: (dice: Dice) => Configuration])[] = [
  ["matrices", 150, drawMatrix],
  ["models", 50, drawModel],
];

describe("the same bits on every engine", () => {
  it.each(AREAS)(
    "%s: %i configurations",
    async (name, count, draw) => {
      await using machines = new Machines();
      const results = new Set<string>();
      let refused = 0;
      for (let index = 0; index < TIMES * count; index++) {
        const dice = new Dice(`bits of ${name}`, SEED, index);
        const configuration = draw(dice);
        const [plain, ...others] = drawEngines(dice);
        const expected = await configuration.computeOn(plain, machines);
        for (const engine of others) {
          const where = `configuration ${index} of seed ${SEED} on ${JSON.stringify(engine)}: ${configuration.title}`;
          expect(await configuration.computeOn(engine, machines), where).toEqual(expected);
        }
        if ("refused" in expected) refused++;
        results.add(JSON.stringify(expected));
      }
      // Configurations that are refused, or give what others gave, test little.
      expect(refused).toBeLessThan(0.1 * TIMES * count);
      expect(results.size).toBeGreaterThan(0.9 * TIMES * count);
    },
    600_000,
  );
});
