/** Decodes the kernels that are embedded in this package. They work wherever compiling WebAssembly is allowed. */
import { BASE_BASE64, RELAXED_BASE64 } from "./generated/kernels.ts";
import { type KernelModules, Machine, type MachineOptions } from "./machine.ts";

/** Newer runtimes decode base64 themselves, and older versions of Node with a class of their own. */
const { fromBase64 } = Uint8Array as { fromBase64?(base64: string): Uint8Array<ArrayBuffer> };
const { Buffer: NodeBuffer } = globalThis as {
  Buffer?: { from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer> };
};

function decode(base64: string): Uint8Array<ArrayBuffer> {
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, base64);
  if (NodeBuffer !== undefined) return new Uint8Array(NodeBuffer.from(base64, "base64"));
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

let modules: KernelModules | undefined;

/** Bytes of the modules, decoded once. */
export function embeddedKernels(): KernelModules {
  modules ??= { base: decode(BASE_BASE64), relaxed: decode(RELAXED_BASE64) };
  return modules;
}

/** Creates a machine with the embedded kernels. */
export function createMachine(options: MachineOptions = {}): Promise<Machine> {
  return Machine.create(embeddedKernels(), options);
}
