/** Generates text and tells its pieces, grouped, with the experts of each token. */
import { type Generated, runGeneration } from "../../runtime/generate.ts";
import type { LanguageModel } from "../../runtime/language-model.ts";
import type { Prompt } from "../../runtime/prompt-ids.ts";
import { Seat } from "../../runtime/seat.ts";
import type { RoutedPiece, WorkerGenerateOptions } from "../wire/worker-calls.ts";
import { RoutedRun } from "./routed-run.ts";
import type { ServedRun } from "./served-run.ts";

/** Pieces are told in groups, at most so many milliseconds after they are there: a message for each would take longer than its token. */
const PATIENCE_MS = 16;

export async function tellText(
  model: LanguageModel,
  { prompt, options }: { readonly prompt: Prompt; readonly options: WorkerGenerateOptions },
  { signal, tell, onProgress }: ServedRun,
): Promise<Generated> {
  const { routes = false, ...rest } = options;
  let routed: RoutedRun | undefined;
  const open = (context: number) => {
    if (!routes) return Seat.take(model, context);
    routed = new RoutedRun(model, context);
    return routed;
  };
  const group = new Group((pieces) => tell({ pieces }));
  const pieces = runGeneration(model, prompt, { options: { ...rest, signal, onProgress }, open });
  for (;;) {
    const next = await pieces.next();
    // A token goes through the experts when the next one is computed, so its routes come a step later than its text.
    group.route(routed?.take());
    if (next.done) {
      group.flush();
      return next.value;
    }
    group.add({ ...next.value, routes: [] });
  }
}

/** Pieces that wait to be told; the last one waits for its routes. */
class Group {
  readonly #tell: (pieces: readonly RoutedPiece[]) => void;
  #pieces: RoutedPiece[] = [];
  #since = 0;

  constructor(tell: (pieces: readonly RoutedPiece[]) => void) {
    this.#tell = tell;
  }

  add(piece: RoutedPiece): void {
    if (performance.now() - this.#since > PATIENCE_MS) this.flush();
    this.#pieces.push(piece);
  }

  route(routes: RoutedPiece["routes"] | undefined): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && routes !== undefined) this.#pieces[this.#pieces.length - 1] = { ...last, routes };
  }

  flush(): void {
    if (this.#pieces.length > 0) this.#tell(this.#pieces);
    this.#pieces = [];
    this.#since = performance.now();
  }
}
