import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { measure } from "../../../src/cli/demo/demo-measure.ts";
import type { CommandSession } from "../../../src/cli/session/command-session.ts";
import { loadModel } from "../../../src/index.ts";
import { TINY_MODEL } from "../quern.ts";

describe("a row of the demo's table", () => {
  it("counts bytes as the weight file has them, the embedding included, as every other command does", async () => {
    const model = await loadModel(TINY_MODEL, { threads: 1 });
    const session = { signal: new AbortController().signal } as CommandSession;
    const heldOut = { ids: Array.from({ length: 64 }, (_, i) => i), window: 32 };
    const row = await measure(session, "float", model, undefined, heldOut);
    await model[Symbol.asyncDispose]();
    const trueBytes = statSync(`${TINY_MODEL}/model.safetensors`).size;
    expect(row).toMatchObject({ plan: "float", averageBits: 16, trueBytes, kl: null });
  });
});
