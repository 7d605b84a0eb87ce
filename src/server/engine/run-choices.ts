/** Computes all choices of a request, each in a slot of its own. */
import { QuernError } from "../../base/errors.ts";
import { ApiError } from "../api/api-error.ts";
import type { RequestEnd } from "../scheduling/request-end.ts";
import type { Ticket } from "../scheduling/scheduler.ts";
import { type ChoiceEnd, type ChoicePiece, type ChoiceTask, runChoice } from "./choice-run.ts";
import type { LoadedModel, ServedModel } from "./served-model.ts";

export interface ChoicesRun {
  readonly served: ServedModel;
  readonly loaded: LoadedModel;
  readonly ticket: Ticket;
  readonly end: RequestEnd;
  /** Called with each piece of the choice `index`; the choice goes on when it resolves. */
  readonly onPiece?: (index: number, piece: ChoicePiece) => Promise<void> | undefined;
  /** Called when a choice is whole. */
  readonly onEnd?: (index: number, end: ChoiceEnd) => Promise<void> | undefined;
}

/** The choices in the order of the tasks. If one fails, the others end; the first error is thrown. */
export async function runChoices(tasks: readonly ChoiceTask[], run: ChoicesRun): Promise<readonly ChoiceEnd[]> {
  const { signal } = run.end;
  let failure: { readonly error: unknown } | undefined;
  const settled = await Promise.allSettled(
    tasks.map(async (task, index) => {
      try {
        return await runOne(task, index, run);
      } catch (error) {
        if (!signal.aborted) failure = { error };
        run.end.abort(error);
        throw error;
      }
    }),
  );
  if (failure !== undefined) throw crashOf(failure.error, run);
  signal.throwIfAborted();
  return settled.map((each) => (each as PromiseFulfilledResult<ChoiceEnd>).value);
}

async function runOne(task: ChoiceTask, index: number, run: ChoicesRun): Promise<ChoiceEnd> {
  const { served, loaded, ticket, end, onPiece, onEnd } = run;
  using _slot = await ticket.slot(end);
  const pieces = runChoice(loaded, task, end);
  for (;;) {
    const next = await pieces.next();
    if (!next.done) {
      const wait = onPiece?.(index, next.value);
      if (wait !== undefined) await wait;
      continue;
    }
    served.counts.promptTokens += next.value.promptTokens;
    served.counts.answerTokens += next.value.ids.length;
    await onEnd?.(index, next.value);
    return next.value;
  }
}

/** Errors that nobody throws on purpose are a failure of the model: it is loaded again. */
function crashOf(error: unknown, { served, loaded }: ChoicesRun): unknown {
  const isMeant = error instanceof QuernError || error instanceof ApiError;
  if (!isMeant) served.fail(loaded);
  if (!loaded.isBroken) return error;
  const message = `model ${served.id} failed while it computed; it is loaded again`;
  return new ApiError({ status: 500, message, code: "model_failed" }, { cause: error });
}
