/** Queues of the studies in a store. A worker takes from those of its own build whose cells fit into its memory, and says why it leaves others. */
import { VERSION } from "../../../base/version.ts";
import { PLACES, type Store } from "../store/store.ts";
import { fits } from "./memory-class.ts";

/** The queue of a build's cells that need so many gigabytes at most. */
export const classQueue = (build: string, gigabytes: number): string => `${build}-${gigabytes}gb`;

/** What to tell of a queue from which no worker takes. */
export function noWorkers(queue: string, cells: number): string {
  const gigabytes = /\d+(?=gb$)/.exec(queue)?.[0];
  return `${cells} cells may need ${gigabytes} GB each, and no worker takes such cells (quern work --memory)`;
}

/** Puts the name of a queue into the store, where workers find it. */
export async function keepQueue(store: Store, queue: string): Promise<void> {
  await store.writeText(`${PLACES.queues}/${queue}.${VERSION}`, "");
}

export interface QueueWish {
  readonly build: string;
  /** Bytes for each cell. */
  readonly memory: number;
}

export interface QueueSight {
  readonly take: readonly string[];
  /** Why others are left. */
  readonly left: readonly string[];
}

export async function lookAtQueues(store: Store, { build, memory }: QueueWish): Promise<QueueSight> {
  const found = (await store.list(PLACES.queues)).map((name) => {
    const [, queue, gigabytes, version] = /^(.*-(\d+)gb)\.(.*)$/.exec(name) ?? [];
    return { queue, gigabytes: Number(gigabytes), version };
  });
  const own = found.filter(({ queue }) => queue?.startsWith(`${build}-`));
  const take = own.filter(({ gigabytes }) => fits(gigabytes, memory)).map(({ queue }) => queue);
  const tooLarge = own.filter(({ gigabytes }) => !fits(gigabytes, memory));
  const takesNone = (what: string, has: string) =>
    `${store.name}: found cells ${what}, and this worker ${has}; it takes none of them`;
  const left = tooLarge.map(({ gigabytes }) =>
    takesNone(`that may need ${gigabytes} GB`, `has ${(memory / 1e9).toFixed(1)} GB for each`),
  );
  if (own.length === 0)
    for (const { queue, version } of found)
      left.push(takesNone(`of ${queue} of version ${version}`, `is of ${build} of version ${VERSION}`));
  return { take, left };
}
