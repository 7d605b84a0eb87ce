import { describe, expect, it } from "vitest";
import { folderGraph, importCycles, importFault } from "./reading/rooms.ts";
import { importsOf, SOURCES, specifiersOf } from "./reading/sources.ts";

const GRAPH: ReadonlyMap<string, readonly string[]> = new Map(SOURCES.map((file) => [file, importsOf(file)]));

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
    expect(importCycles(GRAPH)).toEqual([]);
  });

  it("hold no cycle of folders side by side", () => {
    expect(importCycles(folderGraph(GRAPH))).toEqual([]);
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
    ["src/quantize.ts", "src/compress/quantize/quantize-model.ts"],
    ["src/adapter/node.ts", "src/files/source.ts"],
    ["src/cli/main.ts", "src/adapter/node.ts"],
  ])("lets %s import %s", (file, target) => {
    expect(importFault(file, target)).toBeUndefined();
  });

  it.each([
    ["src/wasm/tape.ts", "src/nn/linear.ts"],
    ["src/nn/linear.ts", "src/quant/gptq.ts"],
    ["src/server/http-server.ts", "src/cli/main.ts"],
    ["src/base/errors.ts", "src/files/source.ts"],
    ["src/model/weights/load-weights.ts", "src/adapter/node.ts"],
    ["src/adapter/node.ts", "src/model/weights/load-weights.ts"],
    ["src/runtime/generate.ts", "src/index.ts"],
    ["src/model/weights/load-weights.ts", "test/helpers/random.ts"],
    ["src/drawer/thing.ts", "src/base/errors.ts"],
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

describe("folderGraph", () => {
  it("joins files to folders and leaves out what a folder and a part of it import of each other", () => {
    const graph = new Map([
      ["src/a/x.ts", ["src/a/in/y.ts", "src/b/z.ts"]],
      ["src/a/in/y.ts", ["src/a/x.ts", "src/b/z.ts"]],
      ["src/b/z.ts", []],
    ]);
    expect(folderGraph(graph)).toEqual(
      new Map([
        ["src/a", ["src/b"]],
        ["src/a/in", ["src/b"]],
        ["src/b", []],
      ]),
    );
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
