/** Checks the model of a `tokenizer.json`, and makes one for the library that loses no text. */
import { UnsupportedError } from "../../base/errors.ts";
import { type Fields, kindOf } from "./tokenizer-fields.ts";

/** A checked model. */
export interface TextModel {
  readonly type: "BPE" | "Unigram" | "WordPiece" | "WordLevel";
  readonly ids: ReadonlyMap<string, number>;
  readonly unkId: number | undefined;
  /** Merges of a BPE model; none for others. */
  readonly merges: readonly (readonly [string, string])[];
  /** The order of the merges where several are of the same rank; undefined where their place is their rank. */
  readonly ranks?: readonly number[];
  readonly suffix: string;
  /** Whether an unknown character is written as the tokens of its bytes. */
  readonly usesBytes: boolean;
  readonly node: Readonly<Record<string, unknown>>;
}

const TYPES = ["BPE", "Unigram", "WordPiece", "WordLevel"] as const;
/** The work for a word grows with its square. */
const MAX_WORD_PIECE = 1000;

/** @throws FormatError, UnsupportedError: both name the file and the field. */
export function readModel(model: Fields): TextModel {
  const type = model.oneOf("type", TYPES, typeByFields(model));
  const ids = type === "Unigram" ? readEntries(model) : readVocab(model);
  const unkId = type === "Unigram" ? unkIdOf(model, ids.size) : unkOf(model, ids);
  if (type.startsWith("Word") && unkId === undefined)
    throw model.error("unk_token", kindOf(model.raw("unk_token") ?? null), "a token of model.vocab for unknown words");
  const usesBytes = (type === "BPE" || type === "Unigram") && model.boolean("byte_fallback", false);
  if (usesBytes) checkBytes(model, ids, unkId);
  const shared = { type, ids, unkId, usesBytes, merges: [], suffix: "" };
  const vocab = model.raw("vocab");
  if (type === "Unigram") return { ...shared, node: { type, vocab, unk_id: unkId } };
  if (type === "BPE") return { ...shared, ...readBpe(model, ids, unkId) };
  const word = { continuing_subword_prefix: model.string("continuing_subword_prefix", "##") };
  const most = model.integer("max_input_chars_per_word", 100);
  if (most > MAX_WORD_PIECE) throw model.error("max_input_chars_per_word", String(most), `at most ${MAX_WORD_PIECE}`);
  // The library has no WordLevel model; a WordPiece model without pieces looks up whole words.
  const node = type === "WordPiece" ? { ...word, type, max_input_chars_per_word: most } : { type };
  return { ...shared, node: { ...node, vocab, unk_token: unkName(ids, unkId) } };
}

function readBpe(model: Fields, ids: ReadonlyMap<string, number>, unkId: number | undefined) {
  const prefix = model.string("continuing_subword_prefix", "");
  if (prefix !== "") throw new UnsupportedError(model.where, `a BPE with continuing_subword_prefix "${prefix}"`, []);
  const merges = readMerges(model, ids);
  const suffix = model.string("end_of_word_suffix", "");
  const flags = { fuse_unk: model.boolean("fuse_unk", false), byte_fallback: model.boolean("byte_fallback", false) };
  const node = {
    ...{ type: "BPE", vocab: model.raw("vocab"), merges, end_of_word_suffix: suffix || null, ...flags },
    ...{ ignore_merges: model.boolean("ignore_merges", false), unk_token: unkName(ids, unkId) },
  };
  return { merges, suffix, node };
}

/** Without an unknown token the library would leave text out. This token has no id, so unknown text is noticed. */
function unkName(ids: ReadonlyMap<string, number>, unkId: number | undefined): string {
  if (unkId !== undefined) for (const [token, id] of ids) if (id === unkId) return token;
  let name = "unknown";
  while (ids.has(name)) name += "_";
  return name;
}

/** The type of a model from its fields: older files do not name it. */
function typeByFields(model: Fields): (typeof TYPES)[number] {
  if (Array.isArray(model.raw("vocab"))) return "Unigram";
  if (!model.isAbsent("merges")) return "BPE";
  return model.isAbsent("continuing_subword_prefix") ? "WordLevel" : "WordPiece";
}

/** Ids above 2^24 are refused: no vocabulary is nearly as large, and arrays have the size of the largest id. */
export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 24;
}

function readVocab(model: Fields): ReadonlyMap<string, number> {
  if (model.isAbsent("vocab") || Array.isArray(model.raw("vocab")) || typeof model.raw("vocab") !== "object")
    throw model.error("vocab", kindOf(model.raw("vocab")), "an object of token ids");
  const ids = new Map<string, number>();
  const owners: string[] = [];
  for (const [token, id] of model.object("vocab").entries()) {
    const key = () => `vocab[${JSON.stringify(token)}]`;
    if (!isId(id)) throw model.error(key(), JSON.stringify(id), "an id");
    const owner = owners[id] as string | undefined;
    if (owner !== undefined)
      throw model.error(key(), `the id ${id}, which ${JSON.stringify(owner)} has`, "ids of one token each");
    ids.set(token, id);
    owners[id] = token;
  }
  return ids;
}

function unkOf(model: Fields, ids: ReadonlyMap<string, number>): number | undefined {
  return model.isAbsent("unk_token") ? undefined : ids.get(model.string("unk_token"));
}

function unkIdOf(model: Fields, size: number): number | undefined {
  if (model.isAbsent("unk_id")) return undefined;
  const id = model.integer("unk_id");
  if (id >= size) throw model.error("unk_id", String(id), `an id below ${size}`);
  return id;
}

function checkBytes(model: Fields, ids: ReadonlyMap<string, number>, unkId: number | undefined): void {
  for (let byte = 0; byte < 256 && unkId === undefined; byte++)
    if (!ids.has(byteToken(byte)))
      throw model.error("byte_fallback", `true without the token ${byteToken(byte)}`, "all of them, or an unk_token");
}

export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** Both parts of a merge and its result must be tokens, or text would be lost. */
function readMerges(model: Fields, ids: ReadonlyMap<string, number>): (readonly [string, string])[] {
  const merges = model.array("merges");
  const arePairs = Array.isArray(merges[0]);
  const pairs: (readonly [string, string])[] = [];
  merges.forEach((merge, i) => {
    if (typeof merge === "string" && merge.startsWith("#version")) return;
    const shown = Array.isArray(merge) ? JSON.stringify(merge).slice(0, 80) : kindOf(merge);
    const parts = arePairs ? merge : typeof merge === "string" ? merge.split(" ") : undefined;
    if (!isPair(parts))
      throw model.error(`merges[${i}]`, shown, `a pair of tokens${arePairs ? ", as the first is" : ""}`);
    const stranger = [...parts, parts[0] + parts[1]].find((token) => !ids.has(token));
    if (stranger !== undefined) {
      const problem = `${shown}, where ${JSON.stringify(stranger)} is no token`;
      throw model.error(`merges[${i}]`, problem, "two tokens of model.vocab that make a third");
    }
    pairs.push(parts);
  });
  return pairs;
}

function isPair(parts: unknown): parts is readonly [string, string] {
  return Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === "string" && part !== "");
}

function readEntries(model: Fields): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  model.array("vocab").forEach((entry, id) => {
    const [token, score] = Array.isArray(entry) ? entry : [];
    if (typeof token !== "string" || typeof score !== "number" || !Number.isFinite(score))
      throw model.error(
        `vocab[${id}]`,
        Array.isArray(entry) ? JSON.stringify(entry) : kindOf(entry),
        "a token and its score",
      );
    if (ids.has(token)) throw model.error(`vocab[${id}]`, `${JSON.stringify(token)} again`, "each token once");
    ids.set(token, id);
  });
  if (ids.size === 0) throw model.error("vocab", "no tokens", "at least one");
  return ids;
}
