/** The page that bench/peers writes: tables, ratios, and the sentence that names where the rival is faster. */
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

interface Page {
  wrap(text: string, width?: number): string;
  benchmarksPage(results: unknown): string;
}
interface Tables {
  table(columns: readonly string[], rows: readonly (readonly string[])[]): string;
  speed(milliseconds: readonly number[], test: string): string;
}
const load = async <T>(name: string): Promise<T> => import(repositoryFile(`bench/peers/report/${name}.mjs`)) as T;
const { wrap, benchmarksPage } = await load<Page>("page");
const { table, speed } = await load<Tables>("tables");

const engine = (name: string, peak: number, more = {}) => ({ name, peak, ...more });
const facts = { backend: "libx.so", flashAttention: "enabled", cache: "K (f16):    4.00 MiB, V (f16):    4.00 MiB" };
const machine = {
  ...{ processor: "Some CPU", cores: 2, features: ["avx2"], memoryGiB: 8, system: "Linux", node: "v24.0.0" },
  ...{ chromium: "Chromium 1" },
  packages: { "node-llama-cpp": "1.0.0", "@wllama/wllama": "2.0.0", "onnxruntime-web": "3.0.0" },
};
const model = {
  commit: "abc",
  date: "2026-01-02T03:04:05Z",
  openings: {
    "llama.cpp": [{ first: 1000 }, { first: 2000 }],
    "Quern, Node": [{ first: 500 }, { first: 1000 }],
  },
  node: {
    engines: [
      engine("llama.cpp", 200 << 20, { facts }),
      engine("Quern, Node", 150 << 20, { agreement: { correlation: 0.9987 } }),
      engine("Quern, Chromium", 1),
    ],
    times: {
      pp128: { "llama.cpp": [128, 256], "Quern, Node": [64, 128], "Quern, Chromium": [128, 128] },
      tg64: { "llama.cpp": [640, 640], "Quern, Node": [800, 1280], "Quern, Chromium": [1280, 1280] },
    },
  },
  pages: {
    engines: [engine("wllama, Chromium", 1, { agreement: { same: 3, of: 4 } })],
    times: { tg32: { "Quern, Chromium": [100, 100, 100], "wllama, Chromium": [900, 1000, 1200] } },
  },
  builds: {
    engines: [],
    times: {
      tg64: { "Quern, Node": [640, 640], "Quern, Node 20": [1280, 1280], "Quern, Node, two threads": [320, 400] },
    },
  },
  accuracy: {
    "llama.cpp": { difference: 0.4, divergence: 0.002 },
    "Quern, Node": { difference: 0.1, divergence: 0.0001 },
  },
};
const matmul = {
  32: {
    groupSize: 32,
    times: {
      1: { Quern: [2, 2], "onnxruntime-web, float inputs": [80, 100], "onnxruntime-web, int8 inputs": [200, 200] },
    },
  },
};
const results = { note: "A busy day.", machine, runs: 2, models: { "made q4_0": model }, matmul };

describe("benchmarksPage", () => {
  const page = benchmarksPage(results);

  it.each([
    ["speeds and ratios", "| made q4_0 | pp128 | 667 | 1333 | 2.00 (2.00..2.00) |"],
    ["a slower test", "|  | tg64 | 100 | 61.5 | 0.65 (0.50..0.80) |"],
    ["opening and memory", "| made q4_0 | 1.50 | 0.750 | 0.50 (0.50..0.50) | 200 | 150 | 0.75 |"],
    ["pages", "| made q4_0 | tg32 | 32.0 | 320 | 10.00 (9.00..12.00) |"],
    ["the faster setting of the rival", "| GEMV | 32 | float inputs | 90.00 | 2.00 | 45.00 (40.00..50.00) |"],
    ["accuracy", "| made q4_0 | 0.400 | 0.100 | 0.25 | 2.0e-3 | 1.0e-4 |"],
    ["where the rival is faster", "llama.cpp is faster in 1 of 2 tests: made q4_0 (tg64)."],
    ["where it is not", "wllama is faster in none of these 1 tests."],
    ["how alike the engines are", "The logits of both correlate by 0.9987 at least."],
    ["whether they say the same", "Both say the same token after 3 of 4 prompts."],
    ["builds and threads", "| made q4_0 | tg64 | 100 | 50.0 | 0.50 (0.50..0.50) | 178 | 1.80 (1.60..2.00) |"],
    ["the library that the rival loaded", "it loads libx.so. Flash attention: enabled. Cache: K (f16), V (f16)."],
    ["the note", "- A busy day."],
    ["the date", "- Date: 2026-01-02. Quern: commit abc, Node v24.0.0, Chromium 1."],
  ])("has %s", (_, line) => {
    expect(page.replace(/\s+/g, " ")).toContain(line.replace(/\s+/g, " "));
  });

  it("leaves out pages that were not measured", () => {
    const { pages: _, ...rest } = model;
    const times = { pp128: { "llama.cpp": [1], "Quern, Node": [1] } };
    const alone = benchmarksPage({ ...results, models: { made: { ...rest, node: { ...rest.node, times } } } });
    expect(alone).not.toContain("## wllama");
    expect(alone).not.toContain("Quern in Chromium, tokens/s");
  });

  it("has text in lines of at most 160 characters", () => {
    const text = page.split("\n").filter((line) => !line.startsWith("|"));
    expect(Math.max(...text.map((line) => line.length))).toBeLessThanOrEqual(162);
  });
});

describe("parts", () => {
  it("a table aligns numbers to the right", () => {
    expect(table(["a", "b:"], [["x", "1"]])).toBe("| a | b |\n|---|---:|\n| x | 1 |");
  });

  it("a speed has three digits at least", () => {
    expect(speed([1000], "tg64")).toBe("64.0");
    expect(speed([100], "pp512")).toBe("5120");
  });

  it("text is cut between words", () => {
    expect(wrap("aa bb cc", 5)).toBe("aa bb\ncc");
  });
});
