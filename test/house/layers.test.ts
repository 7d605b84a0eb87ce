import { describe, expect, it } from "vitest";
import { importCycles, importFault } from "./rooms.ts";
import { importsOf, SOURCES, specifiersOf } from "./sources.ts";

describe("imports of src", () => {
  it("finds the sources", () => {
    expect(SOURCES.length).toBeGreaterThan(40);
  });

  it.each(SOURCES)("%s imports only lower rooms", (file) => {
    const faults = importsOf(file).flatMap((target) => {
      const fault = importFault(file, target);
      return fault === undefined ? [] : [`${target}: ${fault}`];
    });
    expect(faults).toEqual([]);
  });

  it("hold no cycle, types included", () => {
    expect(importCycles(new Map(SOURCES.map((file) => [file, importsOf(file)])))).toEqual([]);
  });

  it.each(SOURCES)("%s names its modules with their ending", (file) => {
    for (const target of importsOf(file)) expect(target).toMatch(/\.ts$/);
  });
});

describe("importFault", () => {
  it.each([
    ["src/nn/linear.ts", "src/wasm/tape.ts"],
    ["src/nn/linear.ts", "src/nn/emit.ts"],
    ["src/index.ts", "src/adapter/node.ts"],
    ["src/quantize.ts", "src/compress/quantize.ts"],
    ["src/adapter/node.ts", "src/format/source.ts"],
    ["src/cli/main.ts", "src/adapter/node.ts"],
  ])("lets %s import %s", (file, target) => {
    expect(importFault(file, target)).toBeUndefined();
  });

  it.each([
    ["src/wasm/tape.ts", "src/nn/linear.ts"],
    ["src/nn/linear.ts", "src/quant/gptq.ts"],
    ["src/server/main.ts", "src/cli/main.ts"],
    ["src/errors.ts", "src/exact.ts"],
    ["src/model/load.ts", "src/adapter/node.ts"],
    ["src/adapter/node.ts", "src/model/load.ts"],
    ["src/runtime/generate.ts", "src/index.ts"],
    ["src/model/load.ts", "test/helpers/random.ts"],
    ["src/drawer/thing.ts", "src/errors.ts"],
  ])("forbids %s to import %s", (file, target) => {
    expect(importFault(file, target)).toBeTypeOf("string");
  });
});

describe("importCycles", () => {
  it("names the files of a cycle", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    expect(importCycles(graph)).toEqual([["b", "c", "b"]]);
  });
});

describe("specifiersOf", () => {
  it("sees every kind of import, and none in comments", () => {
    const text = [
      'import a from "./a.ts";',
      'import type { B } from "./b.ts";',
      'export * from "./c.ts";',
      'import "./d.ts";',
      'const e = await import("./e.ts");',
      'type F = import("./f.ts").F;',
      '// import g from "./g.ts";',
      'const h = /"/; import i from "./i.ts"; /* from "./j.ts" */',
    ].join("\n");
    expect(specifiersOf(text)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts", "./i.ts"]);
  });
});
