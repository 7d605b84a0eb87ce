/** Exports the engine without embedded kernels: it takes `WebAssembly.Module`s, as edge runtimes need, and gives access to its parts. */

export { Turns } from "./base/turns.ts";
export { Model, type ModelFiles, type OpenOptions, readModelFiles } from "./model/model.ts";
export { Session, type SessionOptions } from "./model/pass/session.ts";
export type { LogitRows, SessionWatch, TappedWatch } from "./model/pass/session-watch.ts";
export { LanguageModel, type LoadOptions } from "./runtime/language-model.ts";
export { type KernelModules, Machine, type MachineOptions } from "./wasm/machine.ts";
