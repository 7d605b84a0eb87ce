/** Tells which kernels the time of a decoded token and of a prompt goes to, and how near to this machine's ceilings each of them is. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Model } from "../../model/model.ts";
import { benchIds } from "../bench-ids.ts";
import { CeilingProbes, type Ceilings } from "../ceilings.ts";
import { checkMeasuring, type MeasureOptions } from "../measuring.ts";
import { WorkCounter } from "./call-work.ts";
import { type PassPart, profilePhase } from "./profile-phase.ts";
import type { PhaseProfile } from "./profile-rows.ts";

/** The ceilings of a run, and where the time of a decoded token and of a token of a prompt goes. */
export interface Profile {
  readonly ceilings: Ceilings;
  readonly phases: readonly PhaseProfile[];
}

/** What is profiled, and how often. */
export interface ProfileOptions extends Omit<MeasureOptions, "matrix"> {
  /** Tokens of the prompt, and tokens before the decoded one. Default 512, or what the model's context has room for. */
  readonly prompt?: number;
  /** Times that the prompt is computed; tokens are decoded 20 times as often. Default 5. */
  readonly repeat?: number;
}

const KNOWN: KnownOptions<ProfileOptions> = {
  ...{ prompt: true, repeat: true, streamBytes: true, signal: true, onProgress: true },
};

/** @throws UsageError for an option out of range or unknown. */
export async function profile(model: Model, options: ProfileOptions = {}): Promise<Profile> {
  checkKnownOptions("profile", options, KNOWN);
  const { maxPositions, vocabSize } = model.config;
  const { prompt = Math.min(512, maxPositions - 1), streamBytes } = options;
  const { store, stages } = model.weights;
  if (store.isPaged || stages.length > 0) {
    const found = store.isPaged ? "experts are read when they are needed" : "weights are in several memories";
    throw new UsageError("profile", `a model whose ${found}`, "one that is whole in one memory");
  }
  if (!Number.isInteger(prompt) || prompt < 1 || prompt >= maxPositions)
    throw new UsageError("prompt", String(prompt), `an integer from 1 to ${maxPositions - 1}`);
  const { repeat, turns: given } = checkMeasuring(options);
  return model.machine.jobs.run(given, async (turns) => {
    using probes = new CeilingProbes(model.machine, streamBytes);
    const tell = (phase: string) => (done: number, total: number) =>
      options.onProgress?.({ phase, done, total, unit: "runs" });
    using session = model.session({ context: prompt + 1 });
    const ids = benchIds(prompt + 1, vocabSize);
    const run = { session, ids, probes, turns, counter: new WorkCounter(model) };
    const prefill = await profilePhase(
      { ...run, phase: "prefill", parts: batchesOf(prompt, session.state.capacity), rounds: repeat },
      tell("profile prefill"),
    );
    const decode = await profilePhase(
      { ...run, phase: "decode", parts: [{ from: prompt, tokens: 1 }], rounds: 20 * repeat },
      tell("profile decode"),
    );
    const ceilings = probes.best;
    return { ceilings, phases: [decode(ceilings), prefill(ceilings)] };
  });
}

/** The batches in which a session computes a prompt. */
function batchesOf(prompt: number, batch: number): readonly PassPart[] {
  return Array.from({ length: Math.ceil(prompt / batch) }, (_, i) => {
    return { from: i * batch, tokens: Math.min(batch, prompt - i * batch) };
  });
}
