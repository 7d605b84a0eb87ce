/** Unpacks the kernels that are embedded in this package. They work wherever compiling WebAssembly is allowed. */
import { type KernelModules, Machine, type MachineOptions } from "./machine.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Zlib = { inflateRawSync(bytes: Uint8Array): Uint8Array };

const { process } = globalThis as { process?: { getBuiltinModule?(name: "node:zlib"): Zlib | undefined } };

/** Each two characters are 13 bits. There are 91 of them: those from ! to ~ without the double quote, the backslash and the backtick. */
function decode(text: string, length: number): Bytes {
  const bytes = new Uint8Array(length);
  const digit = (at: number) => {
    const code = text.charCodeAt(at);
    return code - 33 - Number(code > 34) - Number(code > 92) - Number(code > 96);
  };
  let [held, bits, done] = [0, 0, 0];
  for (let at = 0; at < text.length; at += 2) {
    held |= (91 * digit(at) + digit(at + 1)) << bits;
    for (bits += 13; bits >= 8; bits -= 8) {
      bytes[done++] = held;
      held >>>= 8;
    }
  }
  return bytes;
}

/** Where there is no zlib, a stream inflates. In Node the first such stream takes 20 ms, and zlib 1 ms. */
async function unpack(packed: Bytes): Promise<Bytes> {
  const zlib = process?.getBuiltinModule?.("node:zlib");
  if (zlib !== undefined) return new Uint8Array(zlib.inflateRawSync(packed));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The kernels are a third of what a page loads of the library, which has them apart: programs that open no model never load them. */
async function readModules(): Promise<KernelModules> {
  const { PACKED, PACKED_BYTES, RELAXED_BYTES } = await import("./generated/packed-kernels.ts");
  const both = await unpack(decode(PACKED, PACKED_BYTES));
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
