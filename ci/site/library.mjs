// What the library itself gives for the jobs that the test has the page do.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadModel } from "../../dist/index.js";
import { memoryOutput, quantize } from "../../dist/quantize.js";

export const MODEL = "fable-mixtral";
export const PROMPT = "Once upon a time";
export const GREEDY = { maxTokens: 32, temperature: 0 };
export const GRIND = { bits: 3, samples: 4 };

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function textOf(model, options) {
  const pieces = model.generate(PROMPT, options);
  for (;;) {
    const step = await pieces.next();
    if (step.done) return step.value.text;
  }
}

/** Greedy text of the model, the weight file of the model at 3 bits, its greedy text, and the golden hash. */
export async function expectedResults() {
  const float = await loadModel(`models/${MODEL}`);
  const output = memoryOutput();
  try {
    const text = await textOf(float, GREEDY);
    const { bits, samples } = GRIND;
    await quantize(float, { bits, self: { samples, seed: 0, length: 256 }, output });
    const golden = JSON.parse(readFileSync("ci/golden.json", "utf8"))[`${MODEL} f32 logits`];
    return { text, weights: sha256(output.files.get("model.safetensors")), golden };
  } finally {
    await float[Symbol.asyncDispose]();
  }
}

/** The SHA-256 of a file in an archive whose files are not compressed. */
export function hashInArchive(archive, name) {
  const at = archive.indexOf(Buffer.from(name)) - 30;
  const size = archive.readUInt32LE(at + 22);
  return sha256(archive.subarray(at + 30 + name.length, at + 30 + name.length + size));
}
