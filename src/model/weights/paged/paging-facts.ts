/** What a paged store is told, and what it tells. */

/** What paging has done so far, and what it may take. */
export interface PagingFacts {
  /** Most bytes of the engine's memory: weights, and the buffers and caches of sessions. */
  readonly limitBytes: number;
  /** Bytes of the weights that are in memory, and how many experts are among them. */
  readonly residentBytes: number;
  readonly experts: number;
  /** How often a pass needed weights that are not kept, such as an expert, and how often they were not in memory. */
  readonly uses: number;
  readonly misses: number;
  /** Bytes of the checkpoint that were read for them, and how often an expert, or what else is read together, made room. */
  readonly readBytes: number;
  readonly evictions: number;
}

/** Which weights are read when they are needed. */
export type Paging = "experts" | "all";

export interface PagedStoreOptions {
  /** Most bytes of the engine's memory. */
  readonly limitBytes: number;
  /** Experts to which a token is sent. */
  readonly topK: number;
  /** Default `experts`. */
  readonly paging?: Paging;
  readonly warn?: (sentence: string) => void;
}
