/** The hashes are those of ci/golden.json, whatever builds and threads compute them; test/runtimes sees to other runtimes. */
import { describe, expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";
import { logitsHash, matrixHash } from "../../src/bench/golden-hashes.ts";
import { loadModel } from "../../src/index.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { BUILDS } from "../helpers/kernels.ts";
import { openTinyModel } from "../helpers/tiny-model.ts";
import { readRepository } from "../house/reading/sources.ts";

const GOLDEN = JSON.parse(readRepository("ci/golden.json")) as Readonly<Record<string, string>>;
const VARIANTS = BUILDS.flatMap((kernels) => [1, 2, 4].map((threads) => ({ kernels, threads })));

describe.each(VARIANTS)("with $kernels kernels and $threads threads", (engine) => {
  it.each(["f32", "int8"] as const)("the logits are the golden ones in %s", async (activations) => {
    await using model = await loadModel("models/fable-mixtral", { ...engine, activations });
    expect(model.engine).toMatchObject(engine);
    expect(await logitsHash(model)).toBe(GOLDEN[`fable-mixtral ${activations} logits`]);
  });

  it("so is the matrix", async () => {
    await using machine = await createMachine(engine);
    expect(await matrixHash(machine, new Turns())).toBe(GOLDEN["gptq matrix"]);
  });
});

describe("logitsHash", () => {
  it("takes ids beyond a small vocabulary modulo its size", async () => {
    await using model = await openTinyModel({ threads: 1 });
    expect(model.config.vocabSize).toBeLessThan(4095);
    expect(await logitsHash(model)).toMatch(/^[0-9a-f]{64}$/);
  });
});
