// The page docs/benchmarks.md, from the results of a run.
import { NATIVE, QUERN_NODE, QUERN_PAGE, WLLAMA } from "../engines/names.mjs";
import {
  accuracyTable,
  buildsTable,
  matmulTable,
  nativeTable,
  openingTable,
  pageTable,
  ratiosOf,
  wllamaTable,
} from "./tables.mjs";

/** Text in lines of at most 160 characters. */
export function wrap(text, width = 160) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** Says where the rival is faster in the median: "llama.cpp is faster in 2 of 6 tests: mixtral-small q8_0 (pp512, tg64)." */
function rivalSentence({ models }, part, ours, theirs) {
  const found = Object.entries(models)
    .filter(([, entry]) => entry[part] !== undefined)
    .map(([title, entry]) => ({ title, ratios: ratiosOf(entry[part], ours, theirs) }));
  const all = found.reduce((sum, { ratios }) => sum + ratios.length, 0);
  const lost = found.map(({ title, ratios }) => ({ title, tests: ratios.filter(({ median }) => median < 1) }));
  const count = lost.reduce((sum, { tests }) => sum + tests.length, 0);
  const name = theirs.split(",")[0];
  if (count === 0) return `${name} is faster in none of these ${all} tests.`;
  const places = lost
    .filter(({ tests }) => tests.length > 0)
    .map(({ title, tests }) => `${title} (${tests.map(({ test }) => test).join(", ")})`);
  return `${name} is faster in ${count} of ${all} tests: ${places.join("; ")}.`;
}

/** How alike the engines' answers are, over all models. */
function agreementSentence({ models }, part, name) {
  const found = Object.values(models)
    .flatMap((entry) => entry[part]?.engines ?? [])
    .filter((engine) => engine.name === name && engine.agreement !== undefined)
    .map(({ agreement }) => agreement);
  if (found.length === 0) return "";
  if (found[0].correlation !== undefined) {
    const least = Math.min(...found.map(({ correlation }) => correlation));
    return `The logits of both correlate by ${least.toFixed(4)} at least.`;
  }
  const sum = (key) => found.reduce((total, agreement) => total + agreement[key], 0);
  return `Both say the same token after ${sum("same")} of ${sum("of")} prompts.`;
}

function machineLines({ machine, models, runs, note }) {
  const { processor, cores, features, memoryGiB, system, node, chromium, packages } = machine;
  const each = (of) => [...new Set(Object.values(models).map(of))].sort().join(", ");
  const { facts } = Object.values(models)[0].node.engines.find(({ name }) => name === NATIVE);
  return [
    `- Date: ${each(({ date }) => date.slice(0, 10))}. Quern: commit ${each(({ commit }) => commit)}, Node ${node}${chromium === undefined ? "" : `, ${chromium}`}.`,
    `- Machine: ${processor}, ${cores} virtual cores, of which each process gets one (${features.join(", ")}); ${memoryGiB} GiB; ${system}.`,
    `- llama.cpp: node-llama-cpp ${packages["node-llama-cpp"]}, prebuilt, CPU only, one thread; it loads ${facts.backend}. Flash attention: ${facts.flashAttention}. Cache: ` +
      `${facts.cache.replaceAll(/:\s+[\d.]+ MiB/g, "")}. Q4_0 is repacked at load, and the file is mapped.`,
    `- wllama ${packages["@wllama/wllama"]}, onnxruntime-web ${packages["onnxruntime-web"]}.`,
    "- Quern: the package's defaults (int8 activations, f32 cache), one thread.",
    `- ${runs} repetitions in turns (3 in pages, for opening and for large models), context 1024. Ratios: median (smallest..largest) of paired repetitions; above 1 Quern is faster.`,
    ...(note === undefined ? [] : [`- ${note}`]),
  ].map((line) => wrap(line).replaceAll("\n", "\n  "));
}

const section = (heading, ...parts) => [`## ${heading}`, "", ...parts.flatMap((part) => [part, ""])];

/** @returns the text of docs/benchmarks.md. */
export function benchmarksPage(results) {
  const hasPages = Object.values(results.models).some(({ pages }) => pages !== undefined);
  const method =
    "Method and how to repeat it: bench/peers/README.md. `npm run bench:peers` writes this page anew, with the figures of the machine that it runs on. " +
    "A CPU without dot products of four bytes: [benchmarks-avx2.md](benchmarks-avx2.md). " +
    "The made models (all but smol-moe.gguf) have random weights, which do for speed. ppN: a prompt of N tokens; tgN: N tokens one by one.";
  return [
    "# Quern beside other engines",
    "",
    wrap(method),
    "",
    ...machineLines(results),
    "",
    ...section(
      "Native llama.cpp and Quern in Node",
      nativeTable(results),
      wrap(
        `${rivalSentence(results, "node", QUERN_NODE, NATIVE)} ${agreementSentence(results, "node", QUERN_NODE)}`.trim(),
      ),
    ),
    ...section(
      "From opening a file to the first token, and memory",
      wrap(
        "Seconds from the call that opens the file, which is in the page cache, to the logits after 16 tokens, in fresh processes; below 1 Quern is faster. Peak resident memory of " +
          "the process over all tests; llama.cpp's has the pages of the mapped file, of which the system can take back those that were repacked.",
      ),
      openingTable(results),
    ),
    ...(hasPages
      ? [
          ...section(
            "wllama and Quern in Chromium",
            wrap(
              "Times of wllama are those of its own server core, without the messages to its worker; Quern's are those of the page. wllama samples each token (greedily).",
            ),
            wllamaTable(results),
            wrap(
              `${rivalSentence(results, "pages", QUERN_PAGE, WLLAMA)} ${agreementSentence(results, "pages", WLLAMA)}`.trim(),
            ),
          ),
          ...section("Native llama.cpp and Quern in Chromium", pageTable(results)),
        ]
      : []),
    ...(Object.values(results.models).some(({ builds }) => builds !== undefined)
      ? section(
          "Node 20, and two threads",
          wrap("Node 20 has no relaxed SIMD. Two threads have both cores of the machine, whatever else runs there."),
          buildsTable(results),
        )
      : []),
    ...section(
      "4-bit matmul: onnxruntime-web and Quern",
      wrap(
        "MatMulNBits on onnxruntime-web's WebAssembly backend, with inputs as floats (accuracy level 0) or rounded to int8 (4), whichever is faster; Quern's time includes the rounding of its inputs.",
      ),
      matmulTable(results),
    ),
    ...section(
      "Accuracy",
      wrap(
        "Logits of all positions of four sequences of 64 tokens (of smol-moe.gguf: of a text) beside a pass in float64 over the same file, whose weights are read exactly: mean absolute difference, and " +
          "mean KL divergence. Random weights amplify every rounding, since routers choose other experts; the two engines can be compared, the sizes mean little.",
      ),
      accuracyTable(results),
    ),
  ].join("\n");
}
