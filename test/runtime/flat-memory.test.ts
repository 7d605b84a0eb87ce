/** Memory stays flat while tokens are generated, in a process of its own: the heap of JavaScript and what is resident. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

/** Generates texts of 400 tokens, and tells after each what is left once garbage is collected. */
const PROGRAM = `
import { loadModel } from "quern";
const [threads, texts] = process.argv.slice(1).map(Number);
const model = await loadModel("models/fable-mixtral", { threads });
const tokenizer = await model.tokenizer();
for (let id = 0; id < model.config.vocabSize; id++) tokenizer.bytesOf(id); // kept, once in a tokenizer's life
const found = [];
for (let text = 0; text < texts; text++) {
  let tokens = 0;
  for await (const { id } of model.generate("Once upon a time", { maxTokens: 400, temperature: 0.8, seed: text, ignoreEos: true }))
    if (id !== undefined) tokens++;
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    gc();
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  found.push({ tokens, heapUsed, arrayBuffers, rss, engine: model.machine.arena.used });
}
await model[Symbol.asyncDispose]();
console.log(JSON.stringify(found));
`;

interface Left {
  readonly tokens: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly rss: number;
  readonly engine: number;
}

describe.each([1, 2])("2000 generated tokens on %i threads", (threads) => {
  // Twenty texts compile, optimise and record tapes: V8 still keeps 10 to 40 KB of code and feedback after each of the sixth to the sixteenth.
  // Each text has a session of its own, so that a forgotten one would show too.
  const args = ["--expose-gc", "--input-type=module", "--eval", PROGRAM, String(threads), "25"];
  const options = { cwd: repositoryFile(""), encoding: "utf8", maxBuffer: 2 ** 24 } as const;
  const found = JSON.parse(execFileSync(process.execPath, args, options)) as readonly Left[];
  // What a text leaves may outlive the collection after it by a text, so each figure is the least of three texts; what stays for good is in all of them.
  const least = (from: number, figure: "heapUsed" | "arrayBuffers" | "rss" | "engine") =>
    Math.min(...found.slice(from, from + 3).map((left) => left[figure]));
  const growth = (figure: Parameters<typeof least>[1]) => least(22, figure) - least(17, figure);

  it("are generated", () => {
    expect(found.slice(20).reduce((sum, { tokens }) => sum + tokens, 0)).toBe(2000);
  });

  it("leave the heap, its buffers and the engine's memory as they were", () => {
    // 100 bytes a token that are kept would be 200 KB; compiled code and inline caches come and go within less.
    expect(growth("heapUsed")).toBeLessThan(150_000);
    expect(growth("arrayBuffers")).toBeLessThan(50_000);
    expect(growth("engine")).toBe(0);
  });

  it("leave what is resident as it was", () => {
    // The collector gives pages back late, so what is resident swings by some megabytes; the heap's test is the sharp one.
    expect(growth("rss")).toBeLessThan(16 << 20);
  });
});
