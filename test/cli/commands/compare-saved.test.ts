import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
let saved: string;
let idsFile: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-saved-"));
  saved = join(folder, "ref.safetensors");
  idsFile = join(folder, "ids.json");
  writeFileSync(idsFile, JSON.stringify(Array.from({ length: 70 }, (_, i) => (i * 31) % 4096)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compare(...args: readonly string[]) {
  const { status, stdout } = quern(["compare", TINY_MODEL, ...args, "--json", "--quiet"]);
  return { status, result: JSON.parse(stdout) };
}

describe("quern compare with a saved reference", () => {
  it("saves first, compares later", () => {
    const { status, result } = compare("--save-reference", saved, "--ids-file", idsFile, "--window", "32");
    expect(status).toBe(0);
    expect(result).toMatchObject({
      ...{ output: saved, windows: 2, scoredTokens: 62, activations: "f32", bytes: readFileSync(saved).length },
      reference: { name: "fable-mixtral", saved: false, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const { result: same } = compare("--reference", saved);
    expect(same).toMatchObject({
      sameTop: { value: 1 },
      scoredTokens: 62,
      reference: { ...result.reference, saved: true },
    });
    expect(same.kl.max).toBeLessThan(1e-8);
    expect(compare("--reference", saved, "--ids-file", idsFile).result).toEqual(same);
  });

  it("saves the same bytes while comparing", () => {
    const path = join(folder, "meanwhile.safetensors");
    const input = ["--ids-file", idsFile, "--window", "32", "--activations", "int8"];
    const live = compare("--reference", TINY_MODEL, "--save-reference", path, ...input).result;
    expect(Buffer.compare(readFileSync(path), readFileSync(saved))).toBe(0);
    const later = compare("--reference", path, "--activations", "int8").result;
    expect(later.routing).toEqual(live.routing);
    expect(later.sameTop).toEqual(live.sameTop);
    expect(Math.abs(later.kl.mean - live.kl.mean)).toBeLessThan(1e-5);
  });

  it.each<[string, () => string[], string]>([
    ["neither reference", () => ["--ids-file", idsFile], "--reference: found nothing"],
    [
      "two outputs",
      () => ["--reference", saved, "--save-reference", "b.safetensors"],
      "--save-reference: found a reference that is saved",
    ],
    ["another kind of file", () => ["--save-reference", "b.npy", "--ids", "1,2"], "a name that ends in .safetensors"],
    [
      "other ids",
      () => ["--reference", saved, "--ids", "0,31,62,9", "--window", "4"],
      "window 0, token 3: found id 9, expected 93",
    ],
    ["other arithmetic", () => ["--reference", saved, "--reference-activations", "int8"], "found int8, expected f32"],
    ["no text", () => ["--reference", TINY_MODEL], "input: found 0 of them"],
  ])("refuses %s", (_, args, sentence) => {
    const { status, result } = compare(...args());
    expect(status).toBe(2);
    expect(result.error).toMatchObject({ code: "USAGE", message: expect.stringContaining(sentence) });
  });

  it("replaces a file only with --force, and leaves nothing of one that failed", () => {
    const before = readdirSync(folder).sort();
    const again = ["--save-reference", saved, "--ids-file", idsFile, "--window", "32"];
    expect(compare(...again).result.error).toMatchObject({ code: "FILE", message: expect.stringContaining("--force") });
    expect(compare(...again, "--force", "--limit", "32").result).toMatchObject({ windows: 1, scoredTokens: 31 });
    const failed = compare("--save-reference", join(folder, "new.safetensors"), "--ids", "1,4096", "--window", "2");
    expect(failed.result.error.message).toContain("token id 1: found 4096");
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it("names what is wrong with a file", () => {
    const broken = join(folder, "broken.safetensors");
    writeFileSync(broken, readFileSync(saved).subarray(0, 5000));
    const { status, result } = compare("--reference", broken);
    expect(status).toBe(1);
    expect(result.error).toMatchObject({ code: "FORMAT", message: expect.stringContaining("cut short") });
  });
});
