/** Reads ranges of tensors ahead of their use, so that the next ones arrive while the present one is laid in panels. */
import { readPart, type TensorEntry } from "./tensor-index.ts";

/** Bytes of a tensor that are read at once. */
export interface ReadRange {
  readonly tensor: TensorEntry;
  /** First byte in the tensor. */
  readonly start: number;
  readonly length: number;
}

/** Reads a range. The bytes are valid until the next read. */
export type RangeRead = (range: ReadRange) => Promise<Uint8Array>;

/** Bytes and ranges that are read ahead. They pass through the processor's cache, so more would cost time. */
const AHEAD_BYTES = 2 << 20;
const AHEAD_RANGES = 8;

interface Arrival {
  readonly range: ReadRange;
  /** Number of the plan to which the range belongs. */
  readonly plan: number;
  readonly room: Uint8Array;
  readonly done: Promise<void>;
}

/** The next range of a plan. */
type Planned = Pick<Arrival, "range" | "plan">;

/** Reads without looking ahead. */
export const readAlone: RangeRead = async ({ tensor, start, length }) => {
  const bytes = new Uint8Array(length);
  await readPart(tensor, start, bytes);
  return bytes;
};

/** Each plan lists what one matrix reads, in this order. What is asked for without being planned is read at once. */
export class ReadAhead {
  readonly #plans: Iterator<Planned>;
  readonly #queue: Arrival[] = [];
  readonly #rooms: Uint8Array[];
  /** The room of the bytes that were given last. */
  #lent: Uint8Array | undefined;
  #bytes = 0;

  /** @param rooms memory of an earlier one that has ended, which is used again: new memory costs as much as reading into it. */
  constructor(plans: Iterable<Iterable<ReadRange>>, rooms: Uint8Array[] = []) {
    this.#plans = planned(plans);
    this.#rooms = rooms;
  }

  /** Reads for the matrix whose plan has this number. What is left of earlier plans is dropped. */
  readerOf(plan: number): RangeRead {
    return async (range) => {
      if (this.#lent !== undefined) this.#rooms.push(this.#lent);
      this.#lent = undefined;
      while (this.#queue.length > 0 && this.#queue[0].plan < plan) await this.#drop();
      this.#fill();
      const next = this.#queue[0];
      if (next === undefined || !isSame(next.range, range)) return readAlone(range);
      this.#take();
      this.#fill();
      await next.done;
      this.#lent = next.room;
      return next.room.subarray(0, range.length);
    };
  }

  /** Waits for the reads that are under way, so that none goes on when the files are closed. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#queue.map(({ done }) => done));
    this.#rooms.push(...this.#queue.splice(0).map(({ room }) => room));
    if (this.#lent !== undefined) this.#rooms.push(this.#lent);
    this.#lent = undefined;
  }

  #take(): Arrival {
    const arrival = this.#queue.shift() as Arrival;
    this.#bytes -= arrival.range.length;
    return arrival;
  }

  async #drop(): Promise<void> {
    const { done, room } = this.#take();
    await done.catch(() => {});
    this.#rooms.push(room);
  }

  #fill(): void {
    while (this.#queue.length < AHEAD_RANGES && this.#bytes < AHEAD_BYTES) {
      const { done: isEnd, value } = this.#plans.next();
      if (isEnd === true) return;
      const { range } = value;
      const room = this.#roomFor(range.length);
      const done = readPart(range.tensor, range.start, room.subarray(0, range.length));
      done.catch(() => {}); // a failure is reported when the range is asked for
      this.#queue.push({ ...value, room, done });
      this.#bytes += range.length;
    }
  }

  /** The smallest room that is free and large enough, but not one that larger ranges will need; or a new one. Few rooms are kept. */
  #roomFor(length: number): Uint8Array {
    let best = -1;
    for (const [at, room] of this.#rooms.entries())
      if (room.length >= length && room.length <= 4 * length && (best < 0 || room.length < this.#rooms[best].length))
        best = at;
    if (best >= 0) return this.#rooms.splice(best, 1)[0];
    if (this.#rooms.length > 2 * AHEAD_RANGES) this.#rooms.shift();
    return new Uint8Array(length);
  }
}

function* planned(plans: Iterable<Iterable<ReadRange>>): Generator<Planned, undefined> {
  let plan = 0;
  for (const ranges of plans) {
    for (const range of ranges) yield { range, plan };
    plan++;
  }
}

function isSame(a: ReadRange, b: ReadRange): boolean {
  return a.tensor === b.tensor && a.start === b.start && a.length === b.length;
}
