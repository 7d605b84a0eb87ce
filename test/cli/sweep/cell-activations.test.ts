import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern } from "../quern.ts";
import { CONFIG, readLines, SweepFolder } from "./sweep-folder.ts";

let folder: SweepFolder;
beforeAll(() => {
  folder = new SweepFolder();
});
afterAll(() => folder[Symbol.dispose]());

const [plan] = CONFIG.plans;
const under = (activations: string) => ({ name: activations, policy: plan.policy, activations });
const alone = { name: "plain", policy: plan.policy };

describe("activations of a plan", () => {
  it("measure the same weights under each, in place of the sweep's", () => {
    const plans = [alone, ...["f32", "int8/token", "int4/token"].map(under)];
    const path = folder.write("activations.json", { ...CONFIG, activations: "f32", plans });
    const output = folder.at("activations.jsonl");
    expect(quern(["sweep", path, "--output", output, "--jobs", "1", "--quiet"]).status).toBe(0);
    const [float, plain, f32, int8, int4] = readLines(output);
    expect([float, plain, f32, int8, int4].map(({ activations }) => activations)).toEqual([
      null,
      null,
      "f32",
      "int8/token",
      "int4/token",
    ]);
    expect([int8, int4].map(({ versions }) => versions.activations)).toEqual(["study int8/token", "study int4/token"]);
    expect(f32.metrics).toEqual(plain.metrics);
    for (const cell of [f32, int8, int4]) expect(cell.losses).toEqual(plain.losses);
    expect(int8.metrics.kl.mean).not.toBe(f32.metrics.kl.mean);
    // Four bits cost more than two-bit weights alone, eight next to nothing.
    expect(int4.metrics.kl.mean).toBeGreaterThan(f32.metrics.kl.mean);
    expect(Math.abs(int8.metrics.kl.mean / f32.metrics.kl.mean - 1)).toBeLessThan(0.1);
  }, 60_000);

  it("decide the keys of these plans alone, whatever the sweep's are", () => {
    const keysUnder = (activations: string) =>
      folder.keys({ ...CONFIG, activations, plans: [alone, under("int8"), under("int4/64")] });
    const [float, plain, int8, int4] = keysUnder("f32");
    expect(folder.keys({ ...CONFIG, activations: "f32", plans: [alone] })).toEqual([float, plain]);
    expect(new Set([float, plain, int8, int4]).size).toBe(4);
    const others = keysUnder("int16");
    expect(others.slice(2)).toEqual([int8, int4]);
    expect(others[0]).not.toBe(float);
    expect(others[1]).not.toBe(plain);
  });

  it("are words that there are", () => {
    const path = folder.write("bad.json", { ...CONFIG, plans: [under("int4/16")] });
    const { status, stderr } = quern(["sweep", path, "--dry-run"]);
    expect(status).toBe(1);
    expect(stderr).toContain('field plans.0.activations: found "int4/16", expected f32, int16, int8, int4/token');
  });
});
