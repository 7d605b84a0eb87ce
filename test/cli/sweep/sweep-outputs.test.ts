/** A sweep writes results and a cache, and nothing that it did not make is lost to either. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { quern } from "../quern.ts";
import { CONFIG, MODEL, readLines, SweepFolder } from "./sweep-folder.ts";

let folder: SweepFolder;
let path: string;
beforeAll(() => {
  folder = new SweepFolder();
  path = folder.write("sweep.json", { ...CONFIG, plans: [{ name: "four", policy: "uniform:4" }] });
});
afterAll(() => folder[Symbol.dispose]());

const sweep = (...args: readonly string[]) => quern(["sweep", path, "--jobs", "1", "--quiet", ...args]);
const float = ["--only", "mixtral float"];

describe("the cache of a sweep", () => {
  let count = 0;
  let cache: string;
  const output = () => folder.at(`results-${count}.jsonl`);
  beforeEach(() => {
    cache = folder.at(`cache-${++count}`);
  });

  it("is no folder that something else made, with --force neither", () => {
    mkdirSync(`${cache}/cell-phones`, { recursive: true });
    writeFileSync(`${cache}/config.json`, "somebody's");
    const key = String(folder.keys(JSON.parse(readFileSync(path, "utf8")))[0]);
    for (const more of [[], ["--force"], ["--cell", key]]) {
      const { status, stderr } = sweep(...float, "--output", output(), "--cache", cache, ...more);
      expect(stderr).toContain(
        `quern: FILE: ${cache}: found cell-phones in it and no .quern-sweep-cache, expected a cache that quern sweep made`,
      );
      expect(status).toBe(1);
    }
    expect(readdirSync(cache).sort()).toEqual(["cell-phones", "config.json"]);
    expect(readFileSync(`${cache}/config.json`, "utf8")).toBe("somebody's");
  });

  it("may be an empty one, and goes when the sweep is done", () => {
    mkdirSync(cache);
    expect(sweep(...float, "--output", output(), "--cache", cache).status).toBe(0);
    expect(readdirSync(folder.path)).not.toContain(`cache-${count}`);
    expect(readLines(output())).toHaveLength(1);
  });

  it("loses only what a sweep put there", () => {
    mkdirSync(`${cache}/cell-phones`, { recursive: true });
    const [theirs, dead] = [`cell-${process.pid}-0-AbCdEf`, "cell-4194304-1-AbCdEf"];
    for (const name of [theirs, dead]) mkdirSync(`${cache}/${name}`);
    for (const name of [".quern-sweep-cache", "config.json", "statistics-mine.safetensors", "notes.txt"])
      writeFileSync(`${cache}/${name}`, "");
    writeFileSync(`${cache}/float-0123456789abcdef01234567-11`, "");
    expect(sweep("--output", output(), "--cache", cache).status).toBe(0);
    const kept = [".quern-sweep-cache", "cell-phones", theirs, "notes.txt", "statistics-mine.safetensors"];
    expect(readdirSync(cache).sort()).toEqual(kept.sort());
  }, 60_000);

  it.each([
    ["the model", () => ["--cache", `${MODEL}/cache`]],
    ["the configuration's folder", () => ["--cache", folder.path]],
    ["the calibration tokens", () => ["--output", folder.at("draw.json")]],
    ["the text", () => ["--output", folder.at("text.json")]],
    ["the configuration", () => ["--output", path]],
    ["its own results", () => ["--cache", output()]],
  ])("and the results lie apart from %s", (_, where) => {
    const before = readdirSync(folder.path);
    const { status, stderr } = sweep("--output", output(), ...where(), "--force");
    expect(stderr).toMatch(/^quern: FILE: .*: (?:is|holds|lies inside) .*, which is (?:read|written too)/);
    expect(status).toBe(1);
    expect(readdirSync(folder.path)).toEqual(before);
    expect(readFileSync(folder.at("text.json"), "utf8")).not.toBe("");
  });
});

describe("the results of a sweep", () => {
  const output = () => folder.at("results.jsonl");

  it.each([
    ["a text without a newline", "my notes"],
    ["one line of text", "my notes\n"],
    ["JSON that is no cell", '{"models":[]}'],
    ["JSON lines that are no cells", '{"models":[]}\n{"key'],
    ["bytes", Uint8Array.of(0xff, 0xfe, 0x0a, 0x7b)],
    ["cells and a note", '{"key":"a"}\nmy notes'],
  ])("never replace %s without --force", (_, content) => {
    writeFileSync(output(), content);
    const { status, stderr } = sweep(...float, "--output", output());
    expect(stderr).toContain(`quern: FORMAT: ${output()}`);
    expect(status).toBe(1);
    expect(readFileSync(output())).toEqual(Buffer.from(content as string));
  });

  it("go on after a line that was cut off, wherever, or that lacks only its end", () => {
    expect(sweep("--output", output(), "--force").status).toBe(0);
    const whole = readFileSync(output(), "utf8");
    const [first] = whole.split("\n");
    const content = () =>
      readLines(output())
        .map(({ timing: _timing, ...rest }) => JSON.stringify(rest))
        .sort();
    const expected = content();
    for (const left of [first.slice(0, 3), whole.slice(0, first.length + 2), whole.slice(0, -40), first]) {
      writeFileSync(output(), left);
      expect(sweep("--output", output()).status).toBe(0);
      expect(content()).toEqual(expected);
    }
    expect(readFileSync(output(), "utf8").startsWith(`${first}\n`)).toBe(true); // not measured again
  }, 90_000);
});
