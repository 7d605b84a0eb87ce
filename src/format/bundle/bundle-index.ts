/** The index of a bundle, `quern.json`: which linears and vectors the file has, where they lie, and in which form (docs/formats.md). */
import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { asObject, describeJson, isObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import { BITS, type LinearShape } from "../../tensor/linear-shape.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import { blockPanelBytes, OWN_ZEROS, PANEL_VERSION, panelBytes } from "../../tensor/panel.ts";
import { lineEnd } from "./zip-layout.ts";

export const INDEX_NAME = "quern.json";
/** The entry of all vectors. */
export const VECTORS_NAME = "weights/vectors";
/** Version of the file format. It rises when readers of the version before would read a file wrongly. */
export const BUNDLE_VERSION = 1;

/** The form of panels: their type, and what their bytes depend on. */
export type PanelForm =
  | { readonly kind: "float"; readonly dtype: FloatDType }
  | { readonly kind: "packed"; readonly bits: 2 | 3 | 4 | 8; readonly groupSize: number; readonly zero: number }
  | {
      readonly kind: "blocks";
      readonly bits: 2 | 4 | 5 | 6;
      readonly groupSize: 16 | 32;
      readonly blockSize: 32 | 256;
    };

/** Where a linear lies and how: panels, then its permutation and its bias, if it has them. */
export interface LyingLinear {
  readonly form: PanelForm;
  readonly rows: number;
  readonly cols: number;
  readonly perm: boolean;
  readonly bias: boolean;
  readonly entry: string;
  /** First byte in the entry. */
  readonly offset: number;
  readonly checksum: number;
  /** The type of its blocks in the file that it came from, and whether that is a small float format. */
  readonly fileType?: { readonly name: string; readonly bits: number };
  readonly floatFormat: boolean;
}

/** A vector, f32. */
export interface LyingVector {
  readonly shape: readonly number[];
  /** First byte in the entry of all vectors. */
  readonly offset: number;
}

/** Linears and vectors by name. */
export interface BundleIndex {
  readonly linears: ReadonlyMap<string, LyingLinear>;
  readonly vectors: ReadonlyMap<string, LyingVector>;
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
}: Omit<LyingLinear, "entry" | "offset" | "checksum">): LyingParts {
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

/** A linear as the index has it; names of fields are those of `docs/formats.md`. */
export function linearJson({ name, role, layer, expert, projection }: LinearShape, lying: LyingLinear): JsonObject {
  const { form, rows, cols, perm, bias, entry, offset, checksum, fileType, floatFormat } = lying;
  return {
    ...{ name, role, layer, expert, projection, rows, cols, ...form },
    ...{ perm, bias, entry, offset, bytes: partsOf(lying).bytes, checksum },
    ...(fileType !== undefined && { fileType: { ...fileType } }),
    ...(floatFormat && { floatFormat }),
  };
}

/** @throws UnsupportedError for a file of another version; FormatError naming the linear and the field that is wrong. */
export function readBundleIndex(
  json: JsonObject,
  name: string,
  entries: ReadonlyMap<string, { readonly bytes: number }>,
): BundleIndex {
  const where = `${name}: ${INDEX_NAME}`;
  checkVersion(name, "a bundle", json["format"], BUNDLE_VERSION);
  checkVersion(name, "a bundle with panels", json["panels"], PANEL_VERSION);
  /** Bytes of each entry that are taken: parts follow each other. */
  const taken = new Map<string, number>();
  const take = (entry: string, part: { readonly offset: number; readonly bytes: number }, at: string) => {
    const { bytes } = entries.get(entry) ?? { bytes: -1 };
    const from = taken.get(entry) ?? 0;
    const end = part.offset + part.bytes;
    if (part.offset % 64 !== 0 || part.offset < from || end > bytes)
      throw new FormatError(
        at,
        `found bytes ${part.offset} to ${end} of ${entry}, expected lines from ${from} to ${bytes}`,
      );
    taken.set(entry, end);
  };
  const linears = new Map<string, LyingLinear>();
  for (const item of listOf(json["linears"], `${where}: linears`)) {
    const key = textOf(item["name"], `${where}: linears: name`);
    const at = `${where}: ${key}`;
    if (linears.has(key)) throw new FormatError(at, "found it a second time, expected each linear once");
    const linear = linearOf(item, at);
    const { bytes } = partsOf(linear);
    if (item["bytes"] !== bytes)
      throw new FormatError(at, `found ${describeJson(item["bytes"])} bytes, expected ${bytes}`);
    take(linear.entry, { offset: linear.offset, bytes }, at);
    linears.set(key, linear);
  }
  const vectors = new Map<string, LyingVector>();
  for (const item of listOf(json["vectors"], `${where}: vectors`)) {
    const key = textOf(item["name"], `${where}: vectors: name`);
    const at = `${where}: ${key}`;
    if (vectors.has(key)) throw new FormatError(at, "found it a second time, expected each vector once");
    const { shape } = item;
    if (!Array.isArray(shape) || shape.length > 4) throw new FormatError(at, `found the shape ${describeJson(shape)}`);
    const vector = { shape: shape.map((size) => whole(size, at, 1)), offset: whole(item["offset"], at) };
    take(VECTORS_NAME, { offset: vector.offset, bytes: vectorBytes(vector) }, at);
    vectors.set(key, vector);
  }
  return { linears, vectors };
}

export function vectorBytes({ shape }: LyingVector): number {
  return 4 * shape.reduce((product, size) => product * size, 1);
}

function checkVersion(name: string, what: string, found: JsonValue | undefined, version: number): void {
  if (found !== version)
    throw new UnsupportedError(name, `${what} of version ${describeJson(found)}`, [`version ${version}`]);
}

function linearOf(item: JsonObject, at: string): LyingLinear {
  const [rows, cols] = [whole(item["rows"], at, 1), whole(item["cols"], at, 1)];
  const { fileType, perm, bias, floatFormat = false } = item;
  const flags = [perm, bias, floatFormat];
  if (flags.some((flag) => typeof flag !== "boolean"))
    throw new FormatError(at, "found something else in perm, bias or floatFormat, expected true or false");
  return {
    form: formOf(item, at, cols),
    ...{ rows, cols, perm: perm === true, bias: bias === true, floatFormat: floatFormat === true },
    entry: textOf(item["entry"], at),
    ...{ offset: whole(item["offset"], at), checksum: whole(item["checksum"], at) },
    ...(isObject(fileType) && {
      fileType: { name: textOf(fileType["name"], at), bits: whole(fileType["bits"], at, 1) },
    }),
  };
}

function formOf(item: JsonObject, at: string, cols: number): PanelForm {
  const { kind } = item;
  const choose = <T extends number | string>(field: string, values: readonly T[]): T => {
    const found = values.find((value) => value === item[field]);
    if (found !== undefined) return found;
    throw new FormatError(`${at}: ${field}`, `found ${describeJson(item[field])}, expected ${values.join(" or ")}`);
  };
  if (kind === "float") return { kind, dtype: choose("dtype", ["f32", "f16", "bf16"]) };
  const divides = (field: string, size: number) => {
    if (size % 32 === 0 && cols % size === 0) return;
    throw new FormatError(
      `${at}: ${field}`,
      `found ${size} in ${cols} columns, expected a multiple of 32 that divides them`,
    );
  };
  if (kind === "packed") {
    const [bits, zero] = [choose("bits", BITS), item["zero"]];
    const groupSize = whole(item["groupSize"], at, 32);
    divides("groupSize", groupSize);
    if (zero === OWN_ZEROS) return { kind, bits, groupSize, zero };
    return { kind, bits, groupSize, zero: whole(zero, `${at}: zero`, 0, 2 ** bits - 1) };
  }
  const form = { kind: choose("kind", ["blocks"]), bits: choose("bits", [2, 4, 5, 6]) } as const;
  const [groupSize, blockSize] = [choose("groupSize", [16, 32]), choose("blockSize", [32, 256])];
  divides("blockSize", blockSize);
  const told = [form.bits, groupSize, blockSize].join("/");
  if (BLOCK_FORMS.includes(told)) return { ...form, groupSize, blockSize };
  throw new FormatError(at, `found blocks of the form ${told}, expected ${BLOCK_FORMS.join(" or ")}`);
}

/** Bits, columns of a group and columns of a block that kernels know. */
const BLOCK_FORMS: readonly string[] = ["2/16/256", "4/32/256", "5/32/256", "6/16/256", "4/32/32", "5/32/32"];

function listOf(value: JsonValue | undefined, where: string): readonly JsonObject[] {
  if (Array.isArray(value)) return value.map((item) => asObject(item, where));
  throw new FormatError(where, `found ${describeJson(value)}, expected an array`);
}

function textOf(value: JsonValue | undefined, where: string): string {
  if (typeof value === "string") return value;
  throw new FormatError(where, `found ${describeJson(value)}, expected text`);
}

function whole(value: JsonValue | undefined, where: string, least = 0, most: number = 2 ** 32): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new FormatError(where, `found ${describeJson(value)}, expected a whole number from ${least} to ${most}`);
}
