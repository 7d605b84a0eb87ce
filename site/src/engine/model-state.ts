/** Which model is open, which one is being opened, and what went wrong: the state that all tabs share. */
import { type Signal, signal } from "@preact/signals";
import { engine } from "./engine.ts";
import { failureSentence, hasSimd } from "./failures.ts";
import type { ModelWish, OpenModel, Step, StoredModel } from "./wishes.ts";

/** The models that lie beside the page. */
export const HERE = [
  { name: "fable-mixtral", about: "8.5 M parameters, 8 experts, 2 for each token. Tells children\u2019s stories." },
  { name: "fable-deepseek", about: "8.2 M parameters, 16 experts and a shared one, 4 for each token. Tells the same." },
] as const;

export const model: Signal<OpenModel | undefined> = signal(undefined);
export const opening: Signal<{ readonly name: string; readonly step: Step | undefined } | undefined> =
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
  try {
    const onEvent = (step: Step) => {
      if (isCurrent()) opening.value = { name, step };
    };
    const opened = await engine.call("open", wish, { signal: controller.signal, onEvent });
    if (isCurrent()) model.value = opened;
  } catch (error) {
    if (isCurrent()) notice(failureSentence(error, "open"));
  } finally {
    if (isCurrent()) opening.value = undefined;
  }
}

export async function refreshStored(): Promise<void> {
  try {
    stored.value = await engine.call("stored", undefined);
  } catch {
    stored.value = []; // a browser that keeps nothing, as in private windows
  }
}

export async function removeStored(name: string): Promise<void> {
  try {
    await engine.call("remove", name);
  } catch (error) {
    notice(failureSentence(error, "store"));
  }
  await refreshStored();
}

/** Keeps the open model, or the one that was ground from it, on this device. */
export async function keepModel(which: "open" | "ground"): Promise<void> {
  try {
    await engine.call("keep", which);
  } catch (error) {
    notice(failureSentence(error, "store"));
  }
  await refreshStored();
}
