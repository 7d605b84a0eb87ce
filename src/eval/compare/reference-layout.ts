/**
 * The layout of a saved reference, a safetensors file. Tensors: `lengths` I32 [windows], `ids` I32 [tokens] of all windows in a row,
 * `codes` U16 [tokens - windows, vocabulary] and `ranges` U16 [tokens - windows] of every scored token (reference-code.ts;
 * ln p = log_softmax(-ranges / 512 * (codes / 65535)^2)), `experts` U8 or U16 [tokens, MoE layers, experts a token], sorted.
 */
import { MetadataReader } from "../../format/metadata.ts";
import type { TensorFile } from "../../format/safetensors.ts";
import type { TensorSpec } from "../../format/safetensors-writer.ts";
import type { WindowProtocol } from "../scoring/scored-windows.ts";
import type { ReferenceShape } from "./reference.ts";

const FORMAT = "quern-reference";
/** A reader accepts only this version. */
const VERSION = "1";

/** What the file's header says about the model and the tokens. */
export interface ReferenceFacts {
  /** The model's folder, without the folders around it. */
  readonly name: string;
  /** SHA-256 of the model's configuration and weights (src/model/model-identity.ts). */
  readonly hash: string;
  readonly activations: string;
  readonly activationGroup: string;
  /** Quern's version and the build of its kernels. */
  readonly kernels: string;
  /** How the windows were cut from ids; undefined if the windows themselves were given. */
  readonly protocol: WindowProtocol | undefined;
  /** SHA-256 of `ids` as int32 little endian. */
  readonly idsHash: string;
}

type TensorName = "lengths" | "ids" | "codes" | "ranges" | "experts";

/** Every tensor of the file, for this many windows and tokens. */
export function referenceTensors(
  shape: ReferenceShape,
  windows: number,
  tokens: number,
): Readonly<Record<TensorName, TensorSpec>> {
  const rows = tokens - windows;
  const wide = shape.experts > 256;
  return {
    lengths: { name: "lengths", dtype: "I32", shape: [windows] },
    ids: { name: "ids", dtype: "I32", shape: [tokens] },
    codes: { name: "codes", dtype: "U16", shape: [rows, shape.vocabSize] },
    ranges: { name: "ranges", dtype: "U16", shape: [rows] },
    experts: { name: "experts", dtype: wide ? "U16" : "U8", shape: [tokens, shape.moeLayers.length, shape.topK] },
  };
}

export function writeFacts(facts: ReferenceFacts, shape: ReferenceShape): Record<string, string> {
  const { window, limit } = facts.protocol ?? {};
  return {
    format: FORMAT,
    version: VERSION,
    model: facts.name,
    model_sha256: facts.hash,
    activations: facts.activations,
    activation_group: facts.activationGroup,
    kernels: facts.kernels,
    protocol: facts.protocol === undefined ? "given" : "windows",
    ...(window === undefined ? {} : { window: String(window) }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ids_sha256: facts.idsHash,
    vocab_size: String(shape.vocabSize),
    layers: String(shape.layers),
    experts: String(shape.experts),
    experts_per_token: String(shape.topK),
    moe_layers: shape.moeLayers.join(","),
  };
}

/** @throws FormatError naming the field that is missing or wrong. */
export function readFacts(file: TensorFile): { readonly facts: ReferenceFacts; readonly shape: ReferenceShape } {
  const read = new MetadataReader(file);
  read.word("format", [FORMAT]);
  read.word("version", [VERSION]);
  const windows = read.word("protocol", ["windows", "given"]) === "windows";
  const optional = (key: string) => (file.metadata.has(key) ? read.count(key) : undefined);
  return {
    facts: {
      name: read.text("model"),
      hash: read.hash("model_sha256"),
      activations: read.word("activations", ["f32", "int16", "int8"]),
      activationGroup: read.text("activation_group"),
      kernels: read.text("kernels"),
      protocol: windows ? { window: optional("window"), limit: optional("limit") } : undefined,
      idsHash: read.hash("ids_sha256"),
    },
    shape: readShape(read),
  };
}

function readShape(read: MetadataReader): ReferenceShape {
  const layers = read.count("layers");
  const experts = read.index("experts");
  const topK = read.index("experts_per_token");
  if (topK > experts) read.fail("experts_per_token", `at most the ${experts} experts`);
  // A dense model has none.
  const list = read.text("moe_layers");
  const moeLayers = list === "" ? [] : list.split(",").map(Number);
  if (moeLayers.length > 0 && topK === 0) read.fail("experts_per_token", "a whole number from 1");
  const ascending = moeLayers.every((layer, i) => Number.isInteger(layer) && layer > (moeLayers[i - 1] ?? -1));
  if (!ascending || (moeLayers.at(-1) ?? -1) >= layers)
    read.fail("moe_layers", `ascending numbers of layers below ${layers}`);
  return { vocabSize: read.count("vocab_size"), layers, experts, topK, moeLayers };
}
