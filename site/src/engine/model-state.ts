/** Which model is open, which one is being opened, and what went wrong: the state that all tabs share. */
import { type Signal, signal } from "@preact/signals";
import type { Progress } from "../../../src/model/model.ts";
import { hasSimd } from "../../../src/wasm/features.ts";
import type { StoredModel, WorkerModel } from "../../../src/worker.ts";
import { engine, forgetEngine } from "./engine.ts";
import { type Doing, failureSentence } from "./failures.ts";
import type { ModelWish, OpenModel } from "./wishes.ts";

/** The models that lie beside the page. */
export const HERE = [
  { name: "fable-mixtral", about: "8.5 M parameters, 8 experts, 2 for each token. Tells children\u2019s stories." },
  { name: "fable-deepseek", about: "8.2 M parameters, 16 experts and a shared one, 4 for each token. Tells the same." },
] as const;

export const model: Signal<OpenModel | undefined> = signal(undefined);
export const opening: Signal<{ readonly name: string; readonly step: Progress | undefined } | undefined> =
  signal(undefined);
export const stored: Signal<readonly StoredModel[]> = signal([]);
/** What went wrong, in sentences, the latest last. */
export const notices: Signal<readonly string[]> = signal([]);

const MOST_NOTICES = 3;
let attempt: AbortController | undefined;

export function notice(text: string | undefined): void {
  if (text !== undefined && !notices.value.includes(text))
    notices.value = [...notices.value, text].slice(-MOST_NOTICES);
}

/** Says what failed. A worker that ended has taken its models with it. */
export function failed(error: unknown, doing: Doing): void {
  notice(failureSentence(error, doing));
  if ((error as { readonly code?: unknown } | undefined)?.code !== "WORKER") return;
  forgetEngine();
  model.value = undefined;
}

export function dismiss(text: string): void {
  notices.value = notices.value.filter((each) => each !== text);
}

/** Opens a model; one that is still being opened is given up. */
export async function openModel(wish: ModelWish): Promise<void> {
  if (!hasSimd()) return;
  attempt?.abort();
  const controller = new AbortController();
  attempt = controller;
  const name = wish.kind === "url" ? wish.url : wish.name;
  const isCurrent = () => attempt === controller;
  opening.value = { name, step: undefined };
  const onProgress = (step: Progress) => {
    if (isCurrent()) opening.value = { name, step };
  };
  try {
    const worker = await loaded(wish, { signal: controller.signal, onProgress });
    if (!isCurrent()) return void worker[Symbol.asyncDispose]();
    const before = model.value;
    model.value = { name: nameOf(wish), worker };
    await before?.worker[Symbol.asyncDispose]();
  } catch (error) {
    if (isCurrent()) failed(error, "open");
  } finally {
    if (isCurrent()) opening.value = undefined;
  }
}

interface LoadRun {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

function loaded(wish: ModelWish, run: LoadRun): Promise<WorkerModel> {
  if (wish.kind === "url") return engine().load(wish.url, run);
  if (wish.kind === "stored") return engine().load({ stored: wish.name }, run);
  if (wish.kind === "files") return engine().load(wish.files.length === 1 ? wish.files[0] : wish.files, run);
  return engine().load(`models/${wish.name}/`, run);
}

function nameOf(wish: ModelWish): string {
  return wish.kind === "url" ? (wish.url.replace(/\/+$/, "").split("/").at(-1) ?? wish.url) : wish.name;
}

export async function refreshStored(): Promise<void> {
  try {
    stored.value = await engine().stored();
  } catch {
    stored.value = []; // a browser that keeps nothing, as in private windows
  }
}

export async function removeStored(name: string): Promise<void> {
  await engine()
    .discard(name)
    .catch((error: unknown) => failed(error, "store"));
  await refreshStored();
}

/** Keeps a model on this device. @returns whether it is kept. */
export async function keepModel({ name, worker }: OpenModel): Promise<boolean> {
  try {
    await worker.store(name);
    return true;
  } catch (error) {
    failed(error, "store");
    return false;
  } finally {
    await refreshStored();
  }
}
