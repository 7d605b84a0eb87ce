/** Says in a sentence what failed, and what still works. */
import { hasSimd } from "../../../src/wasm/features.ts";

/** What is known of an error: the code of a `QuernError`, or the name of one of the browser. */
export interface Failure {
  readonly message: string;
  readonly code?: string;
  readonly name?: string;
}

/** What was being done when it failed. */
export type Doing = "open" | "write" | "grind" | "measure" | "store";

const STILL: Readonly<Record<Doing, string>> = {
  open: "The model that was open before still is, and other models can be opened.",
  write: "The model is still open, and the text so far stays.",
  grind: "The model is unchanged, and the other tabs work.",
  measure: "The model is still open, and the other tabs work.",
  store: "The model runs all the same; it is fetched again at the next visit.",
};

/** Undefined for a job that the person ended. */
export function failureSentence(error: unknown, doing: Doing): string | undefined {
  const { code, name, message } = readFailure(error);
  if (name === "AbortError") return undefined;
  if (code === "STORAGE") return `${sentence(message)} ${STILL.store}`;
  if (code === "WORKER") return `The engine ended: ${sentence(message)} Opening a model starts it anew.`;
  if (!navigator.onLine && (code === "REMOTE" || name === "TypeError"))
    return "This device is offline, so the model cannot be fetched. Stored models and files of this device open all the same.";
  if (code === "REMOTE")
    return `The model could not be fetched: ${sentence(message)} It can be tried again; stored models and files of this device open all the same.`;
  if (code === "MEMORY" || name === "RangeError")
    return `There is not enough memory: ${sentence(message)} ${STILL[doing]} A smaller model, fewer tokens or closing other pages helps.`;
  return `${sentence(message)} ${STILL[doing]}`;
}

/** What this browser lacks, each with what still works. */
export function lackSentences(): readonly { readonly id: string; readonly text: string; readonly isFatal: boolean }[] {
  const lacks = [];
  if (!hasSimd())
    lacks.push({
      id: "simd",
      isFatal: true,
      text: "This browser has no WebAssembly SIMD, so no model can run here. The study works without it. Chrome and Edge have it from version 91, Firefox from 89, Safari from 16.4.",
    });
  else if (!crossOriginIsolated)
    lacks.push({
      id: "isolation",
      isFatal: false,
      text: "This page was served without the headers of cross-origin isolation, so there is no shared memory and the engine has one thread. Everything works, only more slowly.",
    });
  return lacks;
}

function readFailure(error: unknown): Failure {
  if (typeof error !== "object" || error === null) return { message: String(error) };
  const { message, code, name } = error as Partial<Failure>;
  return {
    message: message ?? "something failed without a word",
    code: typeof code === "string" ? code : undefined,
    name,
  };
}

/** With a capital and a full stop, as a part of a text. */
function sentence(message: string): string {
  const text = message.trim();
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
