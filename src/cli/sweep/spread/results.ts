/** Results of cells in a store. Their names hold the hash of what was measured, so two machines that measured something else leave two files. */
import { FormatError } from "../../../base/errors.ts";
import { asObject, type JsonObject, parseJson } from "../../../base/json.ts";
import { labelsOf } from "../cell-labels.ts";
import { hashOf, type SweepCell } from "../cell-list.ts";
import { PLACES, type Store } from "../store/store.ts";

/** Fields that are labels of a configuration, or tell of the machine: they may differ between two runs of the same cell. */
const APART = ["model", "plan", "policy", "control", "grid", "calibration", "activations", "seed"];
const LABELS = ["strategy", "family", "competesAt"];
const OF_MACHINE = ["timing", "versions"];

/** Puts a result into the store. Written twice with the same numbers, it is one file. */
export async function keepResult(store: Store, key: string, line: JsonObject): Promise<void> {
  const measured = Object.entries(line).filter(([field]) => ![...APART, ...LABELS, ...OF_MACHINE].includes(field));
  const hash = await hashOf(measured.sort(([a], [b]) => (a < b ? -1 : 1)));
  await store.writeText(`${PLACES.results}/${key}.${hash.slice(0, 16)}.json`, JSON.stringify(line));
}

/** The names of the results of each cell that has one. */
export async function resultNames(store: Store): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, string[]>();
  for (const name of await store.list(PLACES.results)) {
    const [key] = name.split(".");
    names.set(key, [...(names.get(key) ?? []), name]);
  }
  return names;
}

/** A cell's result, under the labels that this configuration gives it. @throws FormatError if machines disagree. */
export async function readResult(store: Store, cell: SweepCell, names: readonly string[]): Promise<JsonObject> {
  const where = `${store.name}/${PLACES.results}`;
  if (names.length > 1)
    throw new FormatError(
      where,
      `found ${names.join(" and ")}, which differ, expected the same numbers from every machine`,
    );
  const text = await store.text(`${PLACES.results}/${names[0]}`);
  const line = asObject(parseJson(text ?? "", `${where}/${names[0]}`), `${where}/${names[0]}`);
  const measured = Object.entries(line).filter(([field]) => ![...APART, ...LABELS, "key"].includes(field));
  return JSON.parse(JSON.stringify({ ...labelsOf(cell), ...Object.fromEntries(measured) })) as JsonObject;
}
