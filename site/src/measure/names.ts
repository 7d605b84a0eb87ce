/** Names of machines, engines and tests in words. */
import type { BenchReport } from "../../../src/bench.ts";

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/Firefox\/(\d+)/, "Firefox"],
  [/Edg\/(\d+)/, "Edge"],
  [/(?:Headless)?Chrome\/(\d+)/, "Chromium"],
  [/Version\/(\d+).*Safari/, "Safari"],
];

/** `Node 24.21`, `Chromium 156`. */
export function runtimeText(runtime: string): string {
  for (const [pattern, name] of BROWSERS) {
    const found = pattern.exec(runtime);
    if (found !== null) return `${name} ${found[1]}`;
  }
  const [name, version = ""] = runtime.split(" ");
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${version.split(".").slice(0, 2).join(".")}`;
}

export function machineText({ machine: { cpu, cores } }: BenchReport): string {
  return `${cpu ?? "this device"}, ${cores} ${cores === 1 ? "core" : "cores"}`;
}

export function engineText({ engine: { kernels, threads, activations } }: BenchReport): string {
  return `${kernels === "relaxed" ? "relaxed SIMD" : "SIMD"}, ${threads} ${threads === 1 ? "thread" : "threads"}, ${activations}`;
}

/** What a test is, in words. */
export function testText(test: string): string {
  const prompt = /^pp(\d+)$/.exec(test);
  if (prompt !== null) return `reading a prompt of ${prompt[1]} tokens`;
  const decoded = /^tg(\d+)$/.exec(test);
  if (decoded !== null) return `writing ${decoded[1]} tokens`;
  if (test === "open") return "opening the model";
  if (test === "first token") return "opening, to the first token";
  return test.replace("gptq", "GPTQ of a matrix,");
}
