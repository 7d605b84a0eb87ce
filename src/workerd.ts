/** Exports `quern` for workerd, which compiles no WebAssembly from bytes: the kernels are a module that is imported. */
import type { LanguageModel, LoadOptions } from "./runtime/language-model.ts";
import { loadGiven, type ModelSource } from "./runtime/load/load-given.ts";
import base from "./wasm/base.wasm";
import { type KernelModules, Machine, type MachineOptions } from "./wasm/machine.ts";

export * from "./portable.ts";

/** The package has no module of the relaxed build: it would be a copy for workerd alone. */
const KERNELS: KernelModules = { base };

/** Creates a machine with the imported kernels. It has one thread. */
export function createMachine(options: MachineOptions = {}): Promise<Machine> {
  return Machine.create(KERNELS, options);
}

/** Opens a model from given files or from a server: `await using model = await loadModel(files)`. */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  return loadGiven(source, KERNELS, options);
}
