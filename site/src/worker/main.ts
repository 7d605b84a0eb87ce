/** The page's worker: everything that takes time runs here, so that the page stays free. */
import type { Answered, Asked, CallName, Calls, Run, Served } from "./calls.ts";
import { Models } from "./models.ts";
import * as store from "./store.ts";
import { write } from "./write.ts";

const models = new Models();
const running = new Map<number, AbortController>();

// What only some visitors need is read when it is first asked for.
const served: Served = {
  open: (wish, run) => models.open(wish, run),
  write: ({ which, prompt, sampling }, run) => write(models.take(which), { prompt, sampling }, run),
  grind: async (wish, run) => (await import("./grind.ts")).grind(models, wish, run),
  files: async () => models.groundFiles(),
  measure: async ({ quick }, run) => (await import("./measure.ts")).measure(models, quick, run),
  stored: () => store.list(),
  keep: (which, run) => models.keep(which, run),
  remove: (name) => store.remove(name),
};

function say(answer: Answered): void {
  postMessage(answer);
}

async function serve<Name extends CallName>(id: number, call: Name, args: Calls[Name]["args"]): Promise<void> {
  const { signal } = begin(id);
  const run: Run<Name> = { signal, tell: (event) => say({ id, event }) };
  try {
    say({ id, result: await served[call](args, run) });
  } catch (error) {
    say({ id, error: plainError(error) });
  } finally {
    running.delete(id);
  }
}

function begin(id: number): AbortController {
  const controller = new AbortController();
  running.set(id, controller);
  return controller;
}

function plainError(error: unknown): { readonly message: string; readonly name: string; readonly code?: string } {
  const { message, name, code } =
    error instanceof Error ? (error as Error & { readonly code?: unknown }) : { message: String(error), name: "Error" };
  return { message, name, ...(typeof code === "string" && { code }) };
}

addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  if ("abort" in data) running.get(data.id)?.abort(new DOMException("ended by the page", "AbortError"));
  else void serve(data.id, data.call, data.args as never);
});
