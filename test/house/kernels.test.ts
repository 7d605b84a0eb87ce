import { readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { functionNames } from "./reading/name-section.ts";
import { constantsInLoops, watFunctions } from "./reading/wat.ts";

/** Of all modules together, with the names of functions. The aim is 64 KiB. */
const SIZE_BYTES = 88 * 1024;
const MODULES = ["base", "relaxed"] as const;
/** What a module has at least: functions, functions that are called in loops, and constants of vectors. */
const LEAST = { base: [40, 10, 10], relaxed: [8, 2, 0] } as const;

describe.each(MODULES)("the %s module", (build) => {
  const wat = readFileSync(repositoryFile(`build/${build}.wat`), "utf8");

  it("imports the memory and nothing else", () => {
    expect([...wat.matchAll(/\(import [^\n]*/g)].map(([line]) => line.replace(/\s+\(memory.*/, ""))).toEqual([
      '(import "env" "memory"',
    ]);
  });

  it("holds no data, no table, no start function and no global that changes", () => {
    expect(wat).not.toMatch(/\((?:data|elem|start|memory\.grow)\b/);
    expect(wat).not.toMatch(/\(global [^\n]*\(mut /);
  });

  it("reads zero vectors from locals, which takes 2 bytes instead of 18", () => {
    const zero = Buffer.from([0xfd, 0x0c, ...new Uint8Array(16)]);
    expect(wat).toContain("v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000");
    expect(readFileSync(repositoryFile(`build/${build}.wasm`)).includes(zero)).toBe(false);
  });

  it("builds no vector constant inside a loop", () => {
    const functions = watFunctions(wat);
    const found = [functions, functions.flatMap((each) => each.loopCalls), functions.flatMap((each) => each.constants)];
    for (const [i, { length }] of found.entries()) expect(length).toBeGreaterThanOrEqual(LEAST[build][i]);
    expect(constantsInLoops(functions)).toEqual([]);
  });
});

describe("all modules", () => {
  it("stay small together", () => {
    const sizes = MODULES.map((name) => statSync(repositoryFile(`build/${name}.wasm`)).size);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(SIZE_BYTES);
  });

  it("name every function without the path of its source, for profilers", () => {
    for (const name of MODULES) {
      const names = functionNames(readFileSync(repositoryFile(`build/${name}.wasm`)));
      expect(names).toHaveLength(watFunctions(readFileSync(repositoryFile(`build/${name}.wat`), "utf8")).length);
      expect(names.filter((each) => !/^\w+(?:<[\w,]+>)?$/.test(each))).toEqual([]);
    }
  });
});

describe("the base module", () => {
  it("uses no relaxed instruction", () => {
    expect(readFileSync(repositoryFile("build/base.wat"), "utf8")).not.toContain("relaxed_");
  });
});

describe("the relaxed module", () => {
  it("replaces kernels of the base module and has no others", () => {
    const [base, relaxed] = MODULES.map((name) => {
      const wat = readFileSync(repositoryFile(`build/${name}.wat`), "utf8");
      return [...wat.matchAll(/\(export "(\w+)"/g)].map(([, kernel]) => kernel);
    });
    expect(relaxed.length).toBeGreaterThan(0);
    expect(relaxed.filter((name) => !base.includes(name))).toEqual([]);
  });

  it("multiplies and adds in two roundings, never in one", () => {
    const wat = readFileSync(repositoryFile("build/relaxed.wat"), "utf8");
    expect(wat).toContain("relaxed_dot");
    expect(wat).not.toMatch(/relaxed_n?madd/);
  });
});

describe("constantsInLoops", () => {
  const read = (...lines: string[]) => constantsInLoops(watFunctions(lines.join("\n")));
  const one = "v128.const i32x4 0x00000001 0x00000001 0x00000001 0x00000001";

  it("sees constants in loops, also under blocks and in loops inside loops", () => {
    expect(read(" (func $a (param $0 i32)", "  loop $x", `   ${one}`, "  end", " )")).toHaveLength(1);
    expect(
      read("(func $a", "loop $x", "block", "end", "if (result v128)", one, "else", one, "end", "end"),
    ).toHaveLength(2);
    expect(read("(func $a", "loop $x", "loop $y", "end", one, "end")).toHaveLength(1);
  });

  it("passes over zero, which costs one xor", () => {
    expect(read("(func $a", "loop $x", one.replaceAll("00000001", "00000000"), "end")).toEqual([]);
  });

  it("passes over constants before and after loops, and in the next function", () => {
    expect(read("(func $a", one, "loop $x", "nop", "end", one, "block", one, "end")).toEqual([]);
    expect(read("(func $a", "loop $x", "end", ")", "(func $b", one)).toEqual([]);
  });

  it("follows calls out of loops", () => {
    const functions = ["(func $a", "loop", "call $b", "end", ")", "(func $b", "call $c", ")", "(func $c", one, ")"];
    expect(read(...functions)).toEqual([`$c: ${one}`]);
  });
});
