/** Measures one row of the demo's table: the size and quality of a quantised folder. */
import { compare } from "../../eval/compare/compare.ts";
import { perplexity } from "../../eval/perplexity/perplexity.ts";
import { inspectModel } from "../../model/inspect.ts";
import type { Model } from "../../model/model.ts";
import { collect, generate } from "../../runtime/generate.ts";
import type { CommandSession } from "../session/command-session.ts";

export interface DemoRow {
  readonly plan: string;
  readonly averageBits: number;
  /** Bytes of the weight files, the embedding included, which stays float in every plan. */
  readonly trueBytes: number;
  /** null for the float model itself. */
  readonly kl: number | null;
  readonly sameTop: number | null;
  readonly perplexity: number;
  readonly tokensPerSecond: number;
}

export interface HeldOut {
  readonly ids: readonly number[];
  readonly window: number;
}

export async function measure(
  session: CommandSession,
  plan: string,
  model: Model,
  reference: Model | undefined,
  heldOut: HeldOut,
): Promise<DemoRow> {
  const { averageBits, trueBytes } = inspectModel(model.files);
  const facts = { plan, averageBits, trueBytes };
  const run = { window: heldOut.window, signal: session.signal };
  const tokensPerSecond = await decodeSpeed(session, model);
  if (reference === undefined) {
    const { perplexity: value } = await perplexity(model, heldOut.ids, run);
    return { ...facts, kl: null, sameTop: null, perplexity: value, tokensPerSecond };
  }
  const found = await compare(model, reference, { ids: heldOut.ids, ...run });
  return {
    ...facts,
    kl: found.kl.mean,
    sameTop: found.sameTop.value,
    perplexity: found.perplexity.model,
    tokensPerSecond,
  };
}

const SPEED_TOKENS = 96;

async function decodeSpeed(session: CommandSession, model: Model): Promise<number> {
  const start = model.config.bosId ?? 0;
  const options = { maxTokens: SPEED_TOKENS, temperature: 0, ignoreEos: true, signal: session.signal };
  let best = 0;
  for (let run = 0; run < 2; run++) {
    const { timings } = await collect(generate(model, { ids: [start] }, options));
    best = Math.max(best, timings.decodeTokensPerSecond);
  }
  return best;
}
