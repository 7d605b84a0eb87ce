import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern } from "../quern.ts";

interface Module {
  readonly name: string;
  readonly role: string;
  readonly shape: readonly [number, number];
  readonly bits: number;
  readonly groupSize: number | null;
  readonly bytes: number;
}

interface Facts {
  readonly trueBytes: number;
  readonly averageBits: number;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly sharedExperts: number;
  readonly modules: readonly Module[];
}

const inspect = (path: string) => JSON.parse(quern(["inspect", path, "--json"]).stdout) as Facts;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-inspect-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("quern inspect", () => {
  it("takes a folder with only a configuration: 16-bit floats, nothing on disk", () => {
    const whole = inspect(repositoryFile("models/fable-deepseek"));
    copyFileSync(repositoryFile("models/fable-deepseek/config.json"), join(folder, "config.json"));
    const { trueBytes, ...facts } = inspect(folder);
    expect(trueBytes).toBe(0);
    expect(facts).toEqual({ ...whole, trueBytes: undefined });
    expect(whole).toMatchObject({ averageBits: 16, sharedExperts: 1 });
  });

  it("counts the parameters that one token meets", () => {
    const { parameters, activeParameters, modules } = inspect(repositoryFile("models/fable-deepseek"));
    const weights = (role: string) =>
      modules.filter((module) => module.role === role).reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
    const norms = (2 * 6 + 1) * 192;
    expect(parameters).toBe(modules.reduce((sum, { shape }) => sum + shape[0] * shape[1], norms));
    // 4 of 16 experts; the tied embedding counts as the head that every token meets.
    expect(parameters - activeParameters).toBe((weights("expert") * 12) / 16);
  });

  it("tells bits, groups and bytes of a GPTQ checkpoint", () => {
    const path = repositoryFile("test/fixtures/gptq-checkpoints/mixtral-b4-g64");
    const { trueBytes, averageBits, modules } = inspect(path);
    expect(trueBytes).toBe(statSync(`${path}/model.safetensors`).size);
    expect(averageBits).toBe(4);
    const q = modules.find(({ name }) => name === "model.layers.0.self_attn.q_proj");
    // 4-bit codes, f16 scales and 4-bit zeros for two groups a row, an i32 index a column.
    const bytes = (128 * 128) / 2 + 128 * 2 * 2 + (128 * 2) / 2 + 128 * 4;
    expect(q).toMatchObject({ shape: [128, 128], bits: 4, groupSize: 64, bytes });
    expect(modules.find(({ role }) => role === "router")).toMatchObject({ bits: 16, groupSize: null });
  });

  it("names the kinds of model that it does not open", () => {
    for (const model of ["hf:owner/name", "https://host/model", "model.gguf", "model.quern"]) {
      const run = quern(["inspect", model, "--json"]);
      expect(run.status).toBe(1);
      expect(JSON.parse(run.stdout)).toMatchObject({ error: { code: "UNSUPPORTED", where: model } });
    }
  });
});
