/** Unpacks the kernels that are embedded in this package. They work wherever compiling WebAssembly is allowed. */
import { type KernelModules, Machine, type MachineOptions } from "./machine.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Zlib = { inflateRawSync(bytes: Uint8Array): Uint8Array };

/** Newer runtimes decode base64 themselves, and older versions of Node with a class of their own. */
const { fromBase64 } = Uint8Array as { fromBase64?(base64: string): Bytes };
const { Buffer: NodeBuffer, process } = globalThis as {
  Buffer?: { from(text: string, encoding: "base64"): Bytes };
  process?: { getBuiltinModule?(name: "node:zlib"): Zlib | undefined };
};

function decode(base64: string): Bytes {
  if (fromBase64 !== undefined) return fromBase64.call(Uint8Array, base64);
  if (NodeBuffer !== undefined) return NodeBuffer.from(base64, "base64");
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Where there is no zlib, a stream inflates. In Node the first such stream takes 20 ms, and zlib 1 ms. */
async function unpack(base64: string): Promise<Bytes> {
  const packed = decode(base64);
  const zlib = process?.getBuiltinModule?.("node:zlib");
  if (zlib !== undefined) return new Uint8Array(zlib.inflateRawSync(packed));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The kernels are a third of what a page loads of the library, which has them apart: programs that open no model never load them. */
async function readModules(): Promise<KernelModules> {
  const { PACKED, RELAXED_BYTES } = await import("./generated/packed-kernels.ts");
  const both = await unpack(PACKED);
  return { base: both.slice(RELAXED_BYTES), relaxed: both.slice(0, RELAXED_BYTES) };
}

let modules: Promise<KernelModules> | undefined;

/** Bytes of the modules, unpacked once. A page that was offline may try again. */
export function embeddedKernels(): Promise<KernelModules> {
  modules ??= readModules().catch((error) => {
    modules = undefined;
    throw error;
  });
  return modules;
}

/** Creates a machine with the embedded kernels. */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  return Machine.create(await embeddedKernels(), options);
}
