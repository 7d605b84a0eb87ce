/** The rooms of `src`, and who may import whom. */

/** Lower rooms first; rooms of one row are strangers. */
export const ROOMS: readonly (readonly string[])[] = [
  ["base"],
  ["wasm", "files"],
  ["tensor"],
  ["format", "text", "nn", "quant", "policy"],
  ["model"],
  ["runtime"],
  ["eval"],
  ["compress"],
  ["bench"],
  ["report", "worker", "server"],
  ["cli"],
];

/** Files at the top that gather the public surface: they re-export from any room. */
export const ENTRIES: readonly string[] = [
  "src/index.ts",
  "src/web.ts",
  "src/workerd.ts",
  "src/portable.ts",
  "src/core.ts",
  "src/quantize.ts",
  "src/evaluate.ts",
  "src/bench.ts",
  "src/worker.ts",
  "src/server.ts",
  "src/node.ts",
];

/** Files of this folder gather what an entry offers on one topic, from any room. */
const TOPICS = "topics";

/** What stands beside the order: an adapter knows how bytes are read on a runtime, and nothing of models. */
const ADAPTER_IMPORTS: readonly string[] = ["base", "files", "index"];
const IMPORT_ADAPTER: readonly string[] = ["index", "node", "cli"];

/** `src/base/json.ts` -> `base`, `src/model/pass/forward.ts` -> `model`, `src/index.ts` -> `index`. */
export function roomOf(file: string): string {
  return file.split("/")[1].replace(/\.ts$/, "");
}

/** Why one file may not import another; undefined when it may. */
export function importFault(file: string, target: string): string | undefined {
  const from = roomOf(file);
  const to = roomOf(target);
  if (!target.startsWith("src/")) return "leaves src";
  if (from === to) return undefined;
  if (to === "adapter") return IMPORT_ADAPTER.includes(from) ? undefined : `${from} may not import an adapter`;
  if (from === "adapter") return ADAPTER_IMPORTS.includes(to) ? undefined : `an adapter may not import ${to}`;
  if (ENTRIES.includes(file)) return undefined;
  if (to === TOPICS) return `${from} may not import a topic`;
  if (from === TOPICS && !ENTRIES.includes(target)) return undefined;
  if (ENTRIES.includes(target)) return from === "cli" ? undefined : `${from} may not import the entry ${to}`;
  if (level(from) < 0) return `${from} is no room`;
  if (level(to) < 0) return `${to} is no room`;
  return level(to) < level(from) ? undefined : `${to} is not below ${from}`;
}

function level(room: string): number {
  return ROOMS.findIndex((row) => row.includes(room));
}

/** The folder of a file: `src/model/pass/forward.ts` -> `src/model/pass`. */
export function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf("/"));
}

/**
 * Which folders know which, of a graph of files. A folder inside another is a part of it: what the two import of each other
 * is left out, so that only folders side by side must stand in an order.
 */
export function folderGraph(graph: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of graph) {
    const from = folderOf(file);
    const known = folders.get(from) ?? new Set();
    folders.set(from, known);
    for (const to of targets.map(folderOf))
      if (to !== from && !to.startsWith(`${from}/`) && !from.startsWith(`${to}/`)) known.add(to);
  }
  return new Map([...folders].map(([folder, known]) => [folder, [...known]]));
}

/** Files on a cycle of imports, each cycle as one list; type-only imports count. */
export function importCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const seen = path.indexOf(file);
    if (seen >= 0) cycles.push([...path.slice(seen), file]);
    if (seen >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}
