// `quern bench` with a tiny setting on a runtime that has files: all its tests, the golden hash, the runtime's name, figures above 0.
const MODEL = "fable-mixtral";
const BENCH = ["dist/cli/main.js", "bench", `models/${MODEL}`, "--json", "--quiet", "--repeat", "2", "--matrix", "128"];
const LENGTHS = ["--prompt", "8", "--generate", "4", "--depth", "0,16"];
const TESTS = ["pp8", "tg4", "pp8 @ d16", "tg4 @ d16", "open", "first token", "gptq 128x128"];

export const BENCH_ARGS = [...BENCH, ...LENGTHS];

/** @returns what is found and what is expected, by name. */
export function benchPairs(printed, runtimeName, golden) {
  const { results, hash, runtime, ceilings, memory } = JSON.parse(printed);
  const figures = [
    ...Object.values(ceilings),
    ...results.map(({ mean }) => mean),
    ...[memory.weights, memory.peakResident],
  ];
  return {
    "tests of the benchmark": [results.map(({ test }) => test).join(", "), TESTS.join(", ")],
    "hash of the benchmark": [hash, golden[`${MODEL} f32 logits`]],
    "runtime of the benchmark": [runtime.split(" ")[0], runtimeName.split(" ")[0]],
    "figures not above 0": [figures.filter((figure) => !(figure > 0)).join(", "), ""],
  };
}
