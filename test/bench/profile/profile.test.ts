/** What a profile counts is compared with headers; times are only added up. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Profile, profile } from "../../../src/bench/profile/profile.ts";
import type { PhaseProfile } from "../../../src/bench/profile/profile-rows.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { activeOf, inspectModel } from "../../../src/model/inspect.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const PROMPT = 70;
const SMALL = { prompt: PROMPT, repeat: 1, streamBytes: 1 << 20 };

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
const linears = ({ rows }: PhaseProfile) => rows.filter(({ site }) => site !== "");

describe("profile", () => {
  let model: LanguageModel;
  let found: Profile;
  const done: string[] = [];
  beforeAll(async () => {
    model = await loadModel(repositoryFile("models/fable-mixtral"), { threads: 1 });
    found = await profile(model, {
      ...SMALL,
      onProgress: (event) => void done.push(`${event.phase} ${event.done}/${event.total}`),
    });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  const phase = (name: PhaseProfile["phase"]) => found.phases.find((each) => each.phase === name) as PhaseProfile;

  it("counts the weights that a decoded token reads, and multiplies", () => {
    const { config, files } = model;
    const modules = inspectModel(files).modules.filter(({ role }) => role !== "embedding" || config.tiedEmbeddings);
    const rows = linears(phase("decode"));
    expect(sum(rows.map(({ bytes }) => bytes))).toBe(
      sum(modules.map((module) => activeOf(module, module.memoryBytes, config))),
    );
    expect(sum(rows.map(({ operations }) => operations))).toBeCloseTo(
      2 * sum(modules.map((module) => activeOf(module, module.shape[0] * module.shape[1], config))),
      3,
    );
  });

  it("counts experts of a batch once, and their tokens each", () => {
    const { config } = model;
    // The last layer computes only the last token.
    const layers = config.layers - 1 + 1 / PROMPT;
    const expert = 2 * 2 * config.expertWidth * config.hiddenSize * config.topK * layers;
    const [experts] = linears(phase("prefill")).filter(({ site }) => site === "experts");
    expect(experts.operations).toBeCloseTo(expert, 3);
    const bytes = 2 * model.files.linears.filter(({ role }) => role === "expert")[0].stored.memoryBytes;
    const last = config.topK * bytes;
    // One batch; an expert may have no token.
    const all = config.experts * (config.layers - 1) * bytes;
    expect(experts.bytes * PROMPT).toBeLessThanOrEqual(all + last);
    expect(experts.bytes * PROMPT).toBeGreaterThan(all / 2 + last);
  });

  it("counts the cache that attention reads", () => {
    const { kvHeads, headDim, layers } = model.config;
    const attention = phase("decode").rows.filter(({ kernel }) => kernel.startsWith("attend"));
    expect(sum(attention.map(({ bytes }) => bytes))).toBe((PROMPT + 1) * 2 * 4 * kvHeads * headDim * layers);
  });

  it("adds up: kernels and what is outside are a token's time", () => {
    for (const each of found.phases) {
      const inKernels = sum(each.rows.map(({ microseconds }) => microseconds));
      expect(inKernels + each.outside).toBeCloseTo(each.microseconds, 6);
      expect(sum(each.rows.map(({ share }) => share)) + each.outside / each.microseconds).toBeCloseTo(1, 9);
    }
    expect(phase("decode")).toMatchObject({ tokens: PROMPT, batch: 1 });
    expect(phase("prefill")).toMatchObject({ tokens: PROMPT, sampling: 0 });
  });

  it("names the ceiling that would take longest", () => {
    const { ceilings } = found;
    for (const row of found.phases.flatMap(linears)) {
      const reading = row.bytes / ceilings.read;
      const computing = row.operations / ceilings.f32;
      expect(row.limit).toBe(reading >= computing ? "read" : "f32");
      expect(row.ofCeiling).toBeCloseTo((1e6 * Math.max(reading, computing)) / row.microseconds, 9);
    }
  });

  it("tells its progress", () => {
    expect(done[0]).toBe("profile prefill 1/1");
    expect(done.at(-1)).toBe("profile decode 20/20");
  });

  it("refuses what makes no sense, and ends when it is aborted", async () => {
    await expect(profile(model, { prompt: 0 })).rejects.toThrow("prompt: found 0, expected an integer from 1 to 511");
    await expect(profile(model, { repeat: 1.5 })).rejects.toThrow("repeat: found 1.5");
    await expect(profile(model, { prompts: 1 } as object)).rejects.toThrow("profile: option prompts");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(profile(model, { ...SMALL, signal })).rejects.toThrow("enough");
  });
});
