/** NumPy's .npy, version 1.0: float32 matrices out. */
import type { FileSink } from "./output.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];

/** Writes f32 [rows, cols], row-major. */
export async function writeNpy(sink: FileSink, data: Float32Array, rows: number, cols: number): Promise<void> {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${cols}), }`;
  // Magic, length and header together fill a multiple of 64 bytes and end with a newline.
  const length = Math.ceil((MAGIC.length + 2 + dictionary.length + 1) / 64) * 64 - MAGIC.length - 2;
  const header = new Uint8Array(MAGIC.length + 2 + length).fill(0x20);
  header.set(MAGIC);
  new DataView(header.buffer).setUint16(MAGIC.length, length, true);
  header.set(new TextEncoder().encode(dictionary), MAGIC.length + 2);
  header[header.length - 1] = 0x0a;
  await sink.write(header);
  await sink.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
