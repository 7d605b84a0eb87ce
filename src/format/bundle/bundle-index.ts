/** The index of a bundle, `quern.json`: which files, vectors and linears it has, where they lie, and in which form (docs/formats.md). */
import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { asObject, describeJson, type JsonObject, type JsonValue } from "../../base/json.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { BlockForm, FloatDType } from "../../tensor/matrix.ts";
import { blockPanelBytes, OWN_ZEROS, PANEL_VERSION, panelBytes } from "../../tensor/panel.ts";

export const INDEX_NAME = "quern.json";
/** Version of the file format. It rises when readers of the version before would read a file wrongly. */
export const BUNDLE_VERSION = 1;

/** The form of panels: their type, and what their bytes depend on. */
export type PanelForm =
  | { readonly kind: "float"; readonly dtype: FloatDType }
  | { readonly kind: "packed"; readonly bits: Bits; readonly groupSize: number; readonly zero: number }
  | ({ readonly kind: "blocks" } & BlockForm);

/** Where something lies in the file. */
interface Lying {
  readonly name: string;
  readonly offset: number;
}

/** A file of the model's folder, or a vector of f32. */
export interface LyingFile extends Lying {
  readonly bytes: number;
  readonly crc: number;
  /** Of a vector. */
  readonly shape?: readonly number[];
  /** The type of a vector in the model that the bundle was made from, unless it was f32 there too. */
  readonly dtype?: string;
}

/** Panels, their permutation and their bias, if they have them, and what tells of their origin. */
export interface LyingLinear extends Lying {
  readonly rows: number;
  readonly cols: number;
  readonly form: PanelForm;
  readonly perm: boolean;
  readonly bias: boolean;
  readonly checksum: number;
  /** As `dtype` of a vector. */
  readonly biasType?: string;
  /** The type of its blocks in the file that it came from. */
  readonly fileType?: { readonly name: string; readonly bits: number };
  /** Whether its codes are those of a small float format. */
  readonly isFloatFormat?: boolean;
}

export interface BundleIndex {
  readonly files: ReadonlyMap<string, LyingFile>;
  readonly linears: ReadonlyMap<string, LyingLinear>;
}

/** The parts of a linear: offsets from its first byte, and the bytes of all, whole lines. */
export interface LyingParts {
  readonly panels: number;
  readonly perm: number;
  readonly bias: number;
  readonly bytes: number;
}

export function partsOf({
  form,
  rows,
  cols,
  perm,
  bias,
}: Omit<LyingLinear, "name" | "offset" | "checksum">): LyingParts {
  const panels = formBytes(form, rows, cols);
  const permAt = lineEnd(panels);
  const biasAt = permAt + (perm ? lineEnd(4 * cols) : 0);
  return { panels, perm: permAt, bias: biasAt, bytes: biasAt + (bias ? lineEnd(4 * rows) : 0) };
}

function formBytes(form: PanelForm, rows: number, cols: number): number {
  if (form.kind === "float") return panelBytes(form.dtype, rows, cols);
  if (form.kind === "packed") return panelBytes(`w${form.bits}`, rows, cols, form);
  return blockPanelBytes(form, rows, cols);
}

/** The first multiple of 64 from `bytes` on, beyond 32 bits too. */
export function lineEnd(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** @throws UnsupportedError for a file of another version; FormatError naming the item and the field that is wrong. */
export function readBundleIndex(json: JsonObject, file: string, size: number): BundleIndex {
  const { format, panels } = json;
  const told = (bundle: unknown, version: unknown) => `a bundle of version ${bundle} with panels of version ${version}`;
  if (format !== BUNDLE_VERSION || panels !== PANEL_VERSION)
    throw new UnsupportedError(file, told(describeJson(format), describeJson(panels)), [
      told(BUNDLE_VERSION, PANEL_VERSION),
    ]);
  // What comes later in the index lies later in the file.
  let end = 0;
  const read = <T extends Lying>(
    list: string,
    fields: readonly string[],
    bytesOf: (item: T, where: string) => number,
  ) => {
    const items = new Map<string, T>();
    const found = json[list];
    const where = `${file}: ${INDEX_NAME}: ${list}`;
    if (!Array.isArray(found)) throw new FormatError(where, `found ${describeJson(found)}, expected an array`);
    for (const [at, value] of found.entries()) {
      const here = `${where}[${at}]`;
      const object = asObject(value, here);
      const { name } = object;
      if (typeof name !== "string" || items.has(name))
        throw new FormatError(here, `found the name ${describeJson(name)}, expected one that no other has`);
      for (const field of fields) requireWhole(object[field], `${here}: ${field}`);
      const item = object as unknown as T;
      const until = item.offset + bytesOf(item, here);
      if (item.offset % 64 !== 0 || item.offset < end || !(until <= size))
        throw new FormatError(
          here,
          `found ${name} at ${item.offset} to ${until}, expected lines from ${end} to ${size}`,
        );
      end = until;
      items.set(name, item);
    }
    return items;
  };
  const files = read("files", ["offset", "bytes", "crc"], ({ bytes, shape }: LyingFile, here) => {
    for (const count of [shape ?? []].flat()) requireWhole(count, `${here}: shape`);
    return bytes;
  });
  const linears = read("linears", ["offset", "rows", "cols", "checksum"], (linear: LyingLinear, here) => {
    requireForm(linear, here);
    return partsOf(linear).bytes;
  });
  return { files, linears };
}

function requireWhole(value: JsonValue | undefined, where: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new FormatError(where, `found ${describeJson(value)}, expected a whole number`);
}

/** Bits, columns of a group and columns of a block that kernels know. */
const BLOCKS: readonly string[] = ["2,16,256", "4,32,256", "5,32,256", "6,16,256", "4,32,32", "5,32,32"];

function requireForm({ form, cols }: LyingLinear, where: string): void {
  // Whatever is no number or text in an index of strangers counts as missing.
  const plain = Object.entries({ ...form }).filter(([, value]) => typeof value !== "object");
  const { kind, dtype, bits, groupSize, blockSize, zero } = Object.fromEntries<unknown>(plain);
  const divides = (size: unknown) =>
    Number.isInteger(cols / (size as number)) && Number.isInteger((size as number) / 32);
  const isKnown =
    (kind === "float" && ["f32", "f16", "bf16"].includes(dtype as string)) ||
    (kind === "blocks" && BLOCKS.includes(String([bits, groupSize, blockSize])) && divides(blockSize)) ||
    (kind === "packed" &&
      [2, 3, 4, 8].includes(bits as Bits) &&
      divides(groupSize) &&
      isZero(zero as number, bits as Bits));
  if (isKnown) return;
  const told = JSON.stringify(form)?.slice(0, 100);
  throw new FormatError(where, `found ${told} in rows of ${cols}, expected a form of panels that Quern knows`);
}

function isZero(zero: number, bits: Bits): boolean {
  return Number.isInteger(zero) && zero >= OWN_ZEROS && zero < 1 << bits;
}
