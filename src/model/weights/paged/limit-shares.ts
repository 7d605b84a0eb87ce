/** Divides a limit of memory between the weights in the engine, what jobs keep outside of it, and what a later job may keep there. */
import type { JobRoom } from "../weight-store.ts";
import { ENGINE_BYTES } from "./pages.ts";
import type { Paging } from "./paging-facts.ts";

/** The share of the limit that parts of a layer leave to what a job takes beside them. */
const JOB_SHARE = 1 / 16;

/**
 * The share of the limit that weights leave alone where they can, if none of them stays: a memory never shrinks, and a later job may keep more outside
 * of it than this one (statistics first, then quantising, which has codes and residual streams).
 */
const LATER_SHARE = 1 / 4;

/**
 * The share of the limit that weights leave to the runtime where they can, if none of them stays: 190 MB of 3 GB. Node, the program and the index of
 * a large model take 130 to 250 MB.
 */
const RUNTIME_SHARE = 1 / 16;

export class LimitShares {
  readonly #given: number;
  readonly #paging: Paging;
  /** Bytes that jobs take outside the engine. */
  #outside = 0;

  constructor(given: number, paging: Paging) {
    this.#given = given;
    this.#paging = paging;
  }

  /** Most bytes of the engine, whatever jobs do. */
  get mostBytes(): number {
    return Math.min(this.#given, ENGINE_BYTES);
  }

  /** Most bytes of the engine now. */
  get engineBytes(): number {
    return Math.min(this.#given - this.#outside, ENGINE_BYTES);
  }

  /** Up to here weights stay that are not needed now. */
  get cacheBytes(): number {
    if (this.#paging !== "all") return this.engineBytes;
    const now = this.#given * (1 - RUNTIME_SHARE) - this.#outside;
    return Math.min(now, this.#given * (1 - LATER_SHARE), ENGINE_BYTES);
  }

  /** Bytes that linears may take together beside what is kept: those up to which weights stay, if these pages fit there at all. */
  partBytes(keptBytes: number, pageBytes: readonly number[]): number {
    const roomIn = (bytes: number) => bytes * (1 - JOB_SHARE) - keptBytes;
    const cached = roomIn(this.cacheBytes);
    return pageBytes.every((bytes) => bytes <= cached) ? cached : roomIn(this.engineBytes);
  }

  /** Room for a job's buffers beside what is kept and the largest page, if the job also keeps `outside` bytes that are not the engine's. */
  roomFor(outside: number, keptBytes: number, largestPage: number): JobRoom {
    const most = this.#given - (outside + this.#outside) / (1 - JOB_SHARE);
    const bytes = Math.min(most, ENGINE_BYTES) - keptBytes - largestPage / (1 - JOB_SHARE);
    return { bytes, limit: most < ENGINE_BYTES ? this.#given : undefined };
  }

  /** Counts bytes outside the engine. @returns a function that ends it, once. */
  begin(outside: number): () => void {
    this.#outside += outside;
    let isOver = false;
    return () => {
      if (!isOver) this.#outside -= outside;
      isOver = true;
    };
  }
}
