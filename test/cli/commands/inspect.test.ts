import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExpectedSpeed } from "../../../src/cli/show/expected-speed.ts";
import type { ExpectedUse } from "../../../src/model/expected-use.ts";
import type { StructureFacts } from "../../../src/model/structure-facts.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern } from "../quern.ts";

interface Module {
  readonly name: string;
  readonly role: string;
  readonly shape: readonly [number, number];
  readonly bits: number;
  readonly groupSize: number | null;
  readonly type: string;
  readonly bytes: number;
}

interface Facts {
  readonly trueBytes: number;
  readonly averageBits: number;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly sharedExperts: number;
  readonly format: string;
  readonly structures: readonly StructureFacts[];
  readonly hasTokenizer?: boolean;
  readonly chatTemplates?: readonly string[];
  readonly expected: ExpectedUse & Partial<ExpectedSpeed>;
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
    const bare = inspect(folder);
    expect(bare.trueBytes).toBe(0);
    const common = ({
      trueBytes,
      modules,
      format,
      structures,
      hasTokenizer,
      chatTemplates,
      expected,
      ...rest
    }: Facts) => ({
      ...rest,
      memory: expected.memoryBytes,
      modules: modules.map(({ type, ...module }) => module),
    });
    expect(common(bare)).toEqual(common(whole));
    expect([bare.format, whole.format]).toEqual(["config.json without weights", "safetensors"]);
    expect([whole.hasTokenizer, whole.chatTemplates]).toEqual([true, []]);
    expect(whole).toMatchObject({ averageBits: 16, sharedExperts: 1 });
  });

  it("says what mixes tokens where attention does not, and the type of experts in MXFP4", () => {
    const fixture = (name: string) => inspect(repositoryFile(`test/fixtures/families/${name}`));
    expect(fixture("lfm2_moe-bf16")).toMatchObject({ latentLayers: 0, convLayers: 3 });
    expect(fixture("deepseek_v3-bf16")).toMatchObject({ latentLayers: 3, convLayers: 0 });
    const expert = fixture("gpt_oss-mxfp4").modules.find(({ role }) => role === "expert");
    expect(expert).toMatchObject({ type: "MXFP4" });
    const { stdout } = quern(["inspect", repositoryFile("test/fixtures/families/lfm2_moe-bf16")]);
    expect(stdout).toContain("convolutions instead of attention: 3 of the layers");
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

  it("sums up structures, and tells what memory and speed to expect", () => {
    const path = repositoryFile("test/fixtures/gptq-checkpoints/mixtral-b4-g64");
    const { structures, expected, modules, format } = inspect(path);
    expect(format).toBe("GPTQ in safetensors");
    expect(structures.map(({ role, types }) => [role, types])).toEqual([
      ["embedding", ["F16"]],
      ["attention", ["4-bit GPTQ"]],
      ["router", ["F16"]],
      ["expert", ["4-bit GPTQ"]],
      ["head", ["F16"]],
    ]);
    const bytes = (role: string) =>
      modules.filter((module) => module.role === role).reduce((sum, module) => sum + module.bytes, 0);
    const attention = structures[1];
    expect([attention.modules, attention.parameters, attention.bytes]).toEqual([8, 98_304, bytes("attention")]);
    expect(attention.bitsPerWeight).toBeCloseTo((8 * bytes("attention")) / 98_304, 9);
    // Keys and values: 2 layers, 2 heads of 32 columns, f32.
    expect(expected).toMatchObject({ cacheBytesPerToken: 2 * 2 * 64 * 4, context: 256 });
    expect(expected.memoryBytes).toBe(expected.weightBytes + 256 * expected.cacheBytesPerToken);
    // Panels: 4 bits a weight, a scale and a zero of three bytes for each group of 64; half of the four experts; the head, one row of the embedding, two routers.
    const panels = (weights: number) => weights / 2 + (weights / 64) * 3;
    const floats = 2 * 512 * 128 + 2 * 128 + 2 * 2 * 16 * 128;
    expect(expected.bytesPerToken).toBe(panels(98_304) + panels(393_216) / 2 + floats);
    // Node 20 has no relaxed SIMD, whose machine multiplies words.
    expect(expected.kernels === "base").toBe(expected.dots === "words");
    expect(expected.tokensPerSecond).toBeCloseTo((expected.readBytesPerSecond as number) / expected.bytesPerToken, 6);
  });

  it("counts the cache for the context that is asked for", () => {
    const path = repositoryFile("models/fable-mixtral");
    const { expected } = JSON.parse(quern(["inspect", path, "--context", "100", "--json"]).stdout) as Facts;
    expect(expected.memoryBytes - expected.weightBytes).toBe(100 * 6 * 2 * 96 * 4);
  });

  it("says that a model is too large for the engine's memory", () => {
    const path = join(folder, "large");
    const config = JSON.parse(readFileSync(repositoryFile("models/fable-mixtral/config.json"), "utf8")) as object;
    mkdirSync(path);
    writeFileSync(
      join(path, "config.json"),
      JSON.stringify({ ...config, hidden_size: 6144, intermediate_size: 16384 }),
    );
    expect(quern(["inspect", path]).stdout).toContain("which is more than the 4.29 GB that the engine can hold");
    expect(quern(["inspect", repositoryFile("models/fable-mixtral")]).stdout).not.toContain("can hold");
  });

  it("names the kinds of model that it does not open", () => {
    for (const [model, code] of [
      ["ftp://host/model", "UNSUPPORTED"],
      ["model.quern", "FILE"],
    ]) {
      const run = quern(["inspect", model, "--json"]);
      expect(run.status).toBe(1);
      expect(JSON.parse(run.stdout)).toMatchObject({ error: { code, where: model } });
    }
  });
});
