/** Quantises the open model, opens the result beside it, and compares the two. */
import { compare } from "../../../src/evaluate.ts";
import { inspectModel } from "../../../src/model/inspect.ts";
import { memoryOutput, quantize, selfSample } from "../../../src/quantize.ts";
import type { LanguageModel } from "../../../src/runtime/language-model.ts";
import type { GrindWish, Ground, Step } from "../engine/wishes.ts";
import type { Models } from "./models.ts";

/** KL is measured on text that the float model writes with another seed than that of calibration. */
const MEASURED = { samples: 8, length: 256, seed: 4242 };
/** Texts for calibration have this length, in tokens, or that of the model's context. */
const LENGTH = 256;

/** Roles of the linears that plans give bits to. */
const QUANTISED: ReadonlySet<string> = new Set(["attention", "dense", "shared", "expert"]);

interface Running {
  readonly signal: AbortSignal;
  readonly tell: (step: Step) => void;
}

export async function grind(models: Models, wish: GrindWish, { signal, tell }: Running): Promise<Ground> {
  const float = models.take("open");
  const begun = performance.now();
  const output = memoryOutput("ground");
  const { samples, seed, ...wished } = wish;
  const self = { samples, seed, length: Math.min(LENGTH, float.config.maxPositions) };
  const { starved } = await quantize(float, { ...wished, self, output, signal, onProgress: tell });
  const seconds = (performance.now() - begun) / 1000;
  const small = await models.setGround(output.files, signal);
  const { kl, sameTop } = await measure(small, float, { signal, tell });
  const facts = inspectModel(small.files);
  return {
    averageBits: facts.averageBits,
    trueBytes: facts.trueBytes,
    floatBytes: inspectModel(float.files).trueBytes,
    seconds,
    ...{ kl: kl.mean, klStdErr: kl.stdErr, sameTop: sameTop.value, starved: starved.length },
    modules: facts.modules.flatMap(({ name, bits, role }) => (QUANTISED.has(role) ? [{ name, bits }] : [])),
    files: [...output.files].map(([name, bytes]) => ({ name, bytes: bytes.length })),
  };
}

async function measure(small: LanguageModel, float: LanguageModel, { signal, tell }: Running) {
  const length = Math.min(MEASURED.length, float.config.maxPositions);
  const windows = await selfSample(float, { ...MEASURED, length, signal });
  return compare(small, float, { windows, signal, onProgress: tell });
}
