/** Writes the linears of a bundle: each expert's together, all others one by one, in the order of the forward pass. */

import { groupBy } from "../../base/group-by.ts";
import type { Turns } from "../../base/turns.ts";
import { lineEnd, type PanelForm, partsOf } from "../../format/bundle/bundle-index.ts";
import { crc32 } from "../../format/bundle/crc32.ts";
import { checksumStaging, panelChecksum } from "../../format/bundle/panel-checksum.ts";
import type { ZipWriter } from "../../format/bundle/zip-writer.ts";
import type { StoredMatrix } from "../../format/codecs/codec.ts";
import { type RangeRead, ReadAhead } from "../../format/read-ahead.ts";
import { readLying } from "../../format/read-lying.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { smallType } from "./folder-tensors.ts";

export interface LinearsRun {
  readonly machine: Machine;
  readonly turns: Turns;
  readonly warn: (sentence: string) => void;
  /** Called with the bytes of weights that are written. */
  readonly onBytes: (done: number) => void;
}

/** Bytes that are written at once. They are copied: not every writer takes shared memory. */
const PIECE_BYTES = 4 << 20;

/** Returns what the index says of each linear. Memory holds one entry at a time. */
export async function writeLinears(zip: ZipWriter, { linears }: ModelFiles, run: LinearsRun): Promise<object[]> {
  const entries = [...groupBy(linears, entryOf)];
  const ahead = new ReadAhead(entries.flatMap(([, members]) => members.map(({ stored }) => stored.reads())));
  const listed: object[] = [];
  let done = 0;
  try {
    for (const [entry, members] of entries) {
      using memory = run.machine.arena.region();
      const laid: Laid[] = [];
      for (const linear of members) {
        const read = ahead.readerOf(listed.length + laid.length);
        laid.push(await layInto(linear, { read, memory }, run));
        done += linear.stored.memoryBytes;
        await run.turns.pause();
      }
      const pieces = () => piecesOf(run.machine, laid);
      let crc = 0;
      for (const piece of pieces()) crc = crc32(piece, crc);
      const bytes = laid.reduce((sum, each) => sum + each.bytes, 0);
      let { offset } = await zip.add(entry, { bytes, crc }, pieces());
      for (const each of laid) {
        listed.push({ ...each.json, entry, offset, bytes: each.bytes });
        offset += each.bytes;
      }
      run.onBytes(done);
      await run.turns.pause();
    }
  } finally {
    await ahead.end();
  }
  return listed;
}

function entryOf({ role, layer, expert, name }: StoredLinear): string {
  return role === "expert" ? `weights/layers.${layer}.experts.${expert}` : `weights/${name}`;
}

/** A linear in memory as it will lie in the file, and what the index says of it besides its place. */
interface Laid {
  readonly address: number;
  readonly bytes: number;
  readonly json: object;
}

interface LayPlace {
  readonly read: RangeRead;
  readonly memory: Region;
}

async function layInto({ stored, ...shape }: StoredLinear, { memory, read }: LayPlace, run: LinearsRun): Promise<Laid> {
  const { rows, cols } = shape;
  const { machine, turns, warn } = run;
  const { arena } = machine;
  // Permutation and bias come behind the panels; one that lies already has them there.
  const most = lineEnd(stored.memoryBytes) + lineEnd(4 * cols) + lineEnd(4 * rows);
  const address = memory.alloc(most);
  using scratch = arena.region();
  const staging = scratch.alloc(Math.max(stored.stagingBytes, checksumStaging(most)));
  if (stored.lying !== undefined) await readLying(arena, stored.lying, address);
  const { perm, zero, permPtr } = await stored.lay({ machine, turns, staging, read, warn }, address);
  const bias = await stored.bias?.read();
  const { fileType } = stored;
  const lying = {
    ...{ ...shape, form: formOf(stored, zero), perm: (perm ?? permPtr) !== undefined, bias: bias !== undefined },
    ...(stored.bias !== undefined && { biasType: smallType(stored.bias.tensor) }),
    ...(fileType !== undefined && { fileType: { ...fileType } }),
    ...(stored.kind === "packed" && stored.isFloatFormat && { isFloatFormat: true }),
  };
  const parts = partsOf(lying);
  if (stored.lying === undefined) {
    arena.u8(address + parts.panels, parts.bytes - parts.panels).fill(0);
    if (perm !== undefined) arena.i32(address + parts.perm, cols).set(perm);
    if (bias !== undefined) arena.f32(address + parts.bias, rows).set(bias);
  }
  const checksum = panelChecksum(machine, { address, bytes: parts.bytes }, staging);
  return { address, bytes: parts.bytes, json: { ...lying, checksum } };
}

function formOf(stored: StoredMatrix, zero: number | undefined): PanelForm {
  if (stored.kind === "float") return { kind: "float", dtype: stored.dtype };
  const { kind, bits, groupSize } = stored;
  if (kind === "packed") return { kind, bits, groupSize, zero: zero ?? stored.zero };
  return { kind, bits: stored.bits, groupSize: stored.groupSize, blockSize: stored.blockSize };
}

function* piecesOf({ arena }: Machine, laid: readonly Laid[]): Generator<Uint8Array> {
  for (const { address, bytes } of laid)
    for (let done = 0; done < bytes; done += PIECE_BYTES)
      yield arena.u8(address + done, Math.min(PIECE_BYTES, bytes - done)).slice();
}
