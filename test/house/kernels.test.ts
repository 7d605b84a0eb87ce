import { readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { constantsInLoops, watFunctions } from "./reading/wat.ts";

const SIZE_BYTES = 64 * 1024;

describe.each(["base", "relaxed"])("the %s build", (build) => {
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

  it("builds no vector constant inside a loop", () => {
    const functions = watFunctions(wat);
    expect(functions.length).toBeGreaterThan(40);
    expect(functions.flatMap((each) => each.loopCalls).length).toBeGreaterThan(10);
    expect(functions.flatMap((each) => each.constants).length).toBeGreaterThan(10);
    expect(constantsInLoops(functions)).toEqual([]);
  });

  it("stays small", () => {
    expect(statSync(repositoryFile(`build/${build}.wasm`)).size).toBeLessThanOrEqual(SIZE_BYTES);
  });
});

describe("the base build", () => {
  it("uses no relaxed instruction", () => {
    expect(readFileSync(repositoryFile("build/base.wat"), "utf8")).not.toContain("relaxed_");
  });
});

describe("the relaxed build", () => {
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
