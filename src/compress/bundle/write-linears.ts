/** Writes the linears of a bundle: each expert's together, all others one by one, in the order of the forward pass. */

import { groupBy } from "../../base/group-by.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Turns } from "../../base/turns.ts";
import { type LyingLinear, linearJson, type PanelForm, partsOf } from "../../format/bundle/bundle-index.ts";
import { crc32 } from "../../format/bundle/crc32.ts";
import { checksumStaging, panelChecksum } from "../../format/bundle/panel-checksum.ts";
import { lineEnd } from "../../format/bundle/zip-layout.ts";
import type { ZipWriter } from "../../format/bundle/zip-writer.ts";
import type { StoredMatrix } from "../../format/codecs/codec.ts";
import { type RangeRead, ReadAhead } from "../../format/read-ahead.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";

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
export async function writeLinears(zip: ZipWriter, { linears }: ModelFiles, run: LinearsRun): Promise<JsonObject[]> {
  const entries = [...groupBy(linears, entryOf)];
  const ahead = new ReadAhead(entries.flatMap(([, members]) => members.map(({ stored }) => stored.reads())));
  const listed: JsonObject[] = [];
  let done = 0;
  try {
    for (const [entry, members] of entries) {
      using memory = run.machine.arena.region();
      const pieces: Laid[] = [];
      let offset = 0;
      for (const linear of members) {
        const place = { entry, offset, read: ahead.readerOf(listed.length), memory };
        const laid = await layInto(linear, place, run);
        pieces.push(laid);
        listed.push(linearJson(linear, laid.lying));
        offset += laid.bytes;
        done += linear.stored.memoryBytes;
        await run.turns.pause();
      }
      const views = () => piecesOf(run.machine, pieces);
      let crc = 0;
      for (const view of views()) crc = crc32(view, crc);
      await zip.add(entry, { bytes: offset, crc }, views());
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

/** A linear in memory as it will lie in the file. */
interface Laid {
  readonly address: number;
  readonly bytes: number;
  readonly lying: LyingLinear;
}

interface LayPlace extends Pick<LyingLinear, "entry" | "offset"> {
  readonly read: RangeRead;
  readonly memory: Region;
}

async function layInto(linear: StoredLinear, place: LayPlace, run: LinearsRun): Promise<Laid> {
  const { rows, cols, stored } = linear;
  const { machine, turns, warn } = run;
  const { arena } = machine;
  const { memory, read, entry, offset } = place;
  // Permutation and bias come behind the panels; one that lies already has them there.
  const most = lineEnd(stored.memoryBytes) + lineEnd(4 * cols) + lineEnd(4 * rows);
  const address = memory.alloc(most);
  using scratch = arena.region();
  const staging = scratch.alloc(Math.max(stored.stagingBytes, checksumStaging(most)));
  const { perm, zero, permPtr, biasPtr } = await stored.lay({ machine, turns, staging, read, warn }, address);
  const bias = await stored.bias?.read();
  const lying = {
    ...{ form: formOf(stored, zero), rows, cols, perm: (perm ?? permPtr) !== undefined, bias: bias !== undefined },
    ...{ entry, offset, checksum: 0, floatFormat: stored.kind === "packed" && stored.isFloatFormat === true },
    ...(stored.fileType !== undefined && { fileType: stored.fileType }),
  };
  const parts = partsOf(lying);
  if (permPtr === undefined && biasPtr === undefined) {
    arena.u8(address + parts.panels, parts.bytes - parts.panels).fill(0);
    if (perm !== undefined) arena.i32(address + parts.perm, cols).set(perm);
    if (bias !== undefined) arena.f32(address + parts.bias, rows).set(bias);
  }
  const checksum = panelChecksum(machine, { address, bytes: parts.bytes }, staging);
  return { address, bytes: parts.bytes, lying: { ...lying, checksum } };
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
