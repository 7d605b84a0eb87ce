/** Builds of Quern whose drivers have put a study into a store, so that a worker of another build can say why it has nothing to do. */
import { VERSION } from "../../../base/version.ts";
import { PLACES, type Store } from "../store/store.ts";

/** @param build the name of the build's queue. */
export async function keepBuild(store: Store, build: string): Promise<void> {
  await store.writeText(`${PLACES.builds}/${buildOf(build)}`, "");
}

/** What to tell a worker whose build has no study in the store, while other builds have some; undefined if there is nothing to tell. */
export async function otherBuilds(store: Store, build: string): Promise<string | undefined> {
  const found = await store.list(PLACES.builds);
  const own = buildOf(build);
  if (found.length === 0 || found.includes(own)) return undefined;
  return `${store.name}: found studies of ${found.join(" and ")} only, and this is ${own}; it takes none of their cells`;
}

const buildOf = (queue: string): string => `${VERSION} (${queue})`;
