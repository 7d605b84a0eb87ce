import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { listFiles, readRepository } from "./reading/sources.ts";

/** What a consumer writes, for each entry of the package. */
const CONSUMERS: Readonly<Record<string, string>> = {
  quern: `import { type LanguageModel, loadModel, QuernError } from "quern";
export const open = (): Promise<LanguageModel> => loadModel("model", { threads: 1 });
export const close = (model: LanguageModel): PromiseLike<void> => model[Symbol.asyncDispose]();
export const codeOf = (error: unknown): string | undefined => (error instanceof QuernError ? error.code : undefined);`,
  "quern/core": `import { Machine, type Session } from "quern/core";
export const machine: typeof Machine = Machine;
export const close = (session: Session): void => session[Symbol.dispose]();`,
  "quern/quantize": `import { type Quantized, quantize, type statistics } from "quern/quantize";
export type Result = Awaited<ReturnType<typeof quantize>>;
export type Input = statistics.InputStatistics;
export const starved = (found: Quantized): number => found.starved.length;`,
  "quern/evaluate": `import { type Comparison, ModelLikelihood } from "quern/evaluate";
export const kl = (found: Comparison): number => found.kl.mean;
export const close = (likelihood: ModelLikelihood): void => likelihood[Symbol.dispose]();`,
  "quern/bench": `import { type BenchReport, bench, compareBenches } from "quern/bench";
export const measure: typeof bench = bench;
export const ratios = (a: BenchReport, b: BenchReport): readonly number[] => compareBenches(a, b).tests.map(({ ratio }) => ratio);`,
  "quern/worker": `import { connect, serve, type WorkerModel, type WorkerPort } from "quern/worker";
export const answer = (port: WorkerPort): void => serve(port);
export const open = (port: WorkerPort): Promise<WorkerModel> => connect(port).load({ stored: "model" }, { threads: 1 });
export const close = (model: WorkerModel): PromiseLike<void> => model[Symbol.asyncDispose]();`,
  "quern/node": `import { nodeFolder, nodeOutput } from "quern/node";
export const doors: readonly [typeof nodeFolder, typeof nodeOutput] = [nodeFolder, nodeOutput];`,
};

const folder = mkdtempSync(join(tmpdir(), "quern-types-"));
beforeAll(() => {
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(repositoryFile(""), join(folder, "node_modules/quern"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What tsc says of a consumer's file that has neither Node's types nor a newer `lib` than ours asks for. */
function typeCheck(source: string, options: Readonly<Record<string, unknown>> = {}): string {
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: false,
    module: "nodenext",
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
    ...options,
  };
  writeFileSync(join(folder, "use.ts"), `${source}\n`);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
  try {
    const tsc = repositoryFile("node_modules/typescript/bin/tsc");
    return execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return String((error as { stdout?: string }).stdout || error);
  }
}

describe("types of the package", () => {
  it("have a consumer for every entry", () => {
    const { exports } = JSON.parse(readRepository("package.json")) as { exports: Record<string, unknown> };
    const entries = Object.keys(exports).filter((key) => typeof exports[key] === "object");
    expect(Object.keys(CONSUMERS).sort()).toEqual(entries.map((key) => key.replace(/^\./, "quern")).sort());
  });

  it.each(Object.keys(CONSUMERS))("check in a strict consumer of %s", (entry) => {
    expect(typeCheck(CONSUMERS[entry])).toBe("");
  });

  it("check under the resolution of bundlers", () => {
    const all = Object.keys(CONSUMERS).map((entry) => `import "${entry}";`);
    expect(typeCheck(all.join("\n"), { module: "esnext", moduleResolution: "bundler" })).toBe("");
  });

  it("know in a browser that a path is no model", () => {
    const browser = { module: "esnext", moduleResolution: "bundler", customConditions: ["browser"] };
    const open = (source: string) => `import { loadModel } from "quern";\nexport const model = loadModel(${source});`;
    expect(typeCheck(open('{ "config.json": new Blob([]) }'), browser)).toBe("");
    expect(typeCheck(open('"model"'), browser)).toContain("use.ts(2,");
    expect(typeCheck(open('"model"'))).toBe("");
  });
});

describe("dist", () => {
  it("points to no sources: the package has none", () => {
    const scripts = [...listFiles("dist", ".js"), ...listFiles("dist", ".d.ts")];
    expect(scripts.length).toBeGreaterThan(50);
    expect(listFiles("dist", ".map")).toEqual([]);
    expect(scripts.filter((file) => /^\/\/# sourceMappingURL=/m.test(readRepository(file)))).toEqual([]);
  });
});
