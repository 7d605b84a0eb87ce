/** Packs files into a ZIP archive without compressing them, for browsers that cannot write folders. */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});
/** Bytes that are summed up before the page gets a turn. */
const PIECE = 1 << 17;
/** The first of January 1980, so that the same files give the same archive. */
const DATE = 0x21;
const UTF8_NAMES = 0x800;

/** @throws RangeError for files of 4 GiB together, which the plain format cannot hold. */
export async function zipFiles(files: readonly { readonly name: string; readonly blob: Blob }[]): Promise<Blob> {
  const parts: (Blob | Uint8Array<ArrayBuffer>)[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const entry = { name: new TextEncoder().encode(name), crc: await crcOf(blob), size: blob.size, offset };
    const head = record(0x04034b50, entry);
    parts.push(head, blob);
    directory.push(record(0x02014b50, entry));
    offset += head.length + blob.size;
  }
  if (offset >= 2 ** 32) throw new RangeError(`the archive would have ${offset} bytes, a ZIP file has less than 4 GiB`);
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, files.length, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Blob([...parts, ...directory, end.buffer], { type: "application/zip" });
}

interface Entry {
  readonly name: Uint8Array;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/** A local head, or the longer record of the directory. */
function record(signature: number, { name, crc, size, offset }: Entry): Uint8Array<ArrayBuffer> {
  const isDirectory = signature === 0x02014b50;
  const fixed = isDirectory ? 46 : 30;
  const view = new DataView(new ArrayBuffer(fixed + name.length));
  view.setUint32(0, signature, true);
  if (isDirectory) view.setUint16(4, 20, true);
  const at = isDirectory ? 6 : 4;
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, UTF8_NAMES, true);
  view.setUint16(at + 8, DATE, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
  if (isDirectory) view.setUint32(42, offset, true);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(name, fixed);
  return bytes;
}

async function crcOf(blob: Blob): Promise<number> {
  let crc = 0xffffffff;
  for (let at = 0; at < blob.size; at += PIECE) {
    // A Blob is read on another thread, so the page is free between pieces.
    const bytes = new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer());
    for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
