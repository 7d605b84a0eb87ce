/** Computes one choice of an answer: a text, its tokens, and what the model thinks of them. */
import { Turns } from "../../base/turns.ts";
import type { LogitRows } from "../../model/pass/session-watch.ts";
import { type Generated, runEncoded } from "../../runtime/generate.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import type { EncodedPrompt } from "../../runtime/prompt-ids.ts";
import type { RequestEnd } from "../scheduling/request-end.ts";
import { RowScores, type ScoredToken } from "./row-scores.ts";
import type { LoadedModel } from "./served-model.ts";
import { SharedRun } from "./shared-run.ts";

export interface ChoiceTask {
  readonly prompt: EncodedPrompt;
  /** Options of the generation, but for its length. */
  readonly options: GenerateOptions;
  /** Most tokens to generate; with 0 the prompt is only scored. */
  readonly maxTokens: number;
  /** Likeliest tokens to tell for each token; undefined: nothing is told of tokens. */
  readonly top: number | undefined;
  /** Whether the prompt's tokens are scored too. */
  readonly scoresPrompt: boolean;
}

/** Text to append, and the tokens that were drawn since the last piece. */
export interface ChoicePiece {
  readonly text: string;
  readonly scores: readonly ScoredToken[];
}

export interface ChoiceEnd {
  readonly text: string;
  readonly ids: readonly number[];
  readonly promptTokens: number;
  readonly promptScores: readonly ScoredToken[];
  /** Of each token that was drawn, also of one that ended the text. */
  readonly scores: readonly ScoredToken[];
  /** Whether the last token that was drawn is not part of the text. */
  readonly endsInEos: boolean;
  readonly reason: "stop" | "length";
}

/** Yields pieces and returns the whole. Ends within one pass when the request ends. */
export async function* runChoice(
  { model, session }: LoadedModel,
  task: ChoiceTask,
  end: RequestEnd,
): AsyncGenerator<ChoicePiece, ChoiceEnd> {
  const { prompt, top, maxTokens } = task;
  using rows = top === undefined ? undefined : new RowScores(model, top);
  const promptScores: ScoredToken[] = [{ id: prompt.ids[0], logProb: null, top: [] }];
  const scores: ScoredToken[] = [];
  const onRow = (row: LogitRows) => {
    rows?.hold(row);
    const next = prompt.ids[row.first + 1];
    if (task.scoresPrompt && next !== undefined && rows !== undefined) promptScores.push(rows.score(next));
  };
  const { signal } = end;
  const watching = rows === undefined ? { end, every: false } : { end, every: task.scoresPrompt, onRow };
  using run = new SharedRun(session.sequence(), watching);
  if (maxTokens === 0) {
    if (rows !== undefined) await run.evaluate(prompt.ids, undefined, new Turns(signal), {});
    return { ...NOTHING, promptTokens: prompt.ids.length, promptScores };
  }
  const options = {
    ...task.options,
    maxTokens: Math.min(maxTokens, session.context),
    context: session.context,
    signal,
  };
  const onDrawn = (id: number) => {
    if (rows !== undefined) scores.push(rows.score(id));
  };
  const pieces = runEncoded(model, prompt, { options, open: () => run, onDrawn });
  let told = 0;
  try {
    for (;;) {
      const next = await pieces.next();
      if (next.done) return endOf(next.value, promptScores, scores);
      yield { text: next.value.text, scores: scores.slice(told) };
      told = scores.length;
    }
  } finally {
    await pieces.return(undefined as never);
  }
}

const NOTHING = { text: "", ids: [], scores: [], endsInEos: false, reason: "length" } as const;

function endOf(whole: Generated, promptScores: readonly ScoredToken[], scores: readonly ScoredToken[]): ChoiceEnd {
  const { text, ids, promptTokens, stopReason } = whole;
  const isStopped = stopReason === "eos" || stopReason === "stop";
  const reason = isStopped ? "stop" : "length";
  return { text, ids, promptTokens, promptScores, scores, endsInEos: stopReason === "eos", reason };
}
