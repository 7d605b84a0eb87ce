/** The rooms of `src`, and who may import whom. */

/** Lower rooms first; rooms of one row are strangers. */
export const ROOMS: readonly (readonly string[])[] = [
  ["errors", "version"],
  ["exact", "random", "group-by", "nearest-word"],
  ["known-options"],
  ["wasm"],
  ["tensor"],
  ["format", "text", "nn", "quant"],
  ["model"],
  ["runtime"],
  ["eval"],
  ["compress"],
  ["bench"],
  ["server", "cli"],
];

/** Files at the top that gather the public surface: they re-export from any room. */
export const ENTRIES: readonly string[] = [
  "src/index.ts",
  "src/web.ts",
  "src/core.ts",
  "src/quantize.ts",
  "src/evaluate.ts",
  "src/node.ts",
];

/** What stands beside the order: an adapter knows how bytes are read on a runtime, and nothing of models. */
const ADAPTER_IMPORTS: readonly string[] = ["errors", "wasm", "format", "index"];
const IMPORT_ADAPTER: readonly string[] = ["index", "node", "cli"];

/** `src/format/json.ts` -> `format`, `src/errors.ts` -> `errors`. */
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
  if (ENTRIES.includes(target)) return from === "cli" ? undefined : `${from} may not import the entry ${to}`;
  if (level(from) < 0) return `${from} is no room`;
  if (level(to) < 0) return `${to} is no room`;
  return level(to) < level(from) ? undefined : `${to} is not below ${from}`;
}

function level(room: string): number {
  return ROOMS.findIndex((row) => row.includes(room));
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
