/** Reads bytes that are in a file as they are in memory: straight into the engine's memory where that is safe. */
import type { Arena } from "../wasm/memory/arena.ts";
import type { ReadRange } from "./read-ahead.ts";

/** Bytes that pass through a room where the memory may be moved: most experts are one read. */
const ROOM_BYTES = 4 << 20;

/** Rooms that no read fills, few. A new one for each read would take more time, of the garbage collector, than the copy. */
const rooms: Uint8Array[] = [];
const KEPT_ROOMS = 2;

/**
 * Fills [address, address + length). A memory that is shared never moves, so it is read into; another one may grow while the read is under way,
 * which takes views of it away.
 */
export async function readLying(arena: Arena, { tensor, start, length }: ReadRange, address: number): Promise<void> {
  if (arena.isShared) {
    await tensor.source.read(tensor.offset + start, arena.u8(address, length));
    return;
  }
  const isShort = 2 * length < ROOM_BYTES;
  const room = isShort ? new Uint8Array(length) : (rooms.pop() ?? new Uint8Array(ROOM_BYTES));
  for (let done = 0; done < length; done += room.length) {
    const part = room.subarray(0, Math.min(room.length, length - done));
    await tensor.source.read(tensor.offset + start + done, part);
    arena.u8(address + done, part.length).set(part);
  }
  // The room of a read that failed is left out: its source may still write to it.
  if (!isShort && rooms.length < KEPT_ROOMS) rooms.push(room);
}
