/** Rewrites a parsed `tokenizer.json` so that `@huggingface/tokenizers` does with it what the original library does. */
import { FormatError, UnsupportedError } from "../../base/errors.ts";

type Node = Readonly<Record<string, unknown>>;

/** GPT-2's word pattern, spelled out: the library's own copy uses JavaScript's `\s`, which is another set of characters. */
const BYTE_LEVEL_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PUNCTUATION = "[\\p{P}!-/:-@\\[-`{-~]";
const METASPACE = "\u2581";

/** A rewritten copy of a whole tokenizer; the input stays as it is. `model` is the checked model, `where` names the file. */
export function fixTokenizer(json: Node, model: Node, where: string): Node {
  const preTokenizer = fixPreTokenizer(asNode(json["pre_tokenizer"]), `${where}: pre_tokenizer`);
  return {
    normalizer: fixNormalizer(asNode(json["normalizer"]), `${where}: normalizer`),
    pre_tokenizer: mayCutAtMetaspace(model, preTokenizer) ? sequence([preTokenizer, METASPACE_CUT]) : preTokenizer,
    model,
    // The caller adds special tokens around the text, and `added-tokens.ts` finds added tokens.
    post_processor: null,
    added_tokens: [],
    decoder: fixDecoder(asNode(json["decoder"])),
  };
}

function asNode(value: unknown): Node | null {
  return typeof value === "object" && value !== null ? (value as Node) : null;
}

function childrenOf(node: Node, key: string): (Node | null)[] {
  const children = node[key];
  return Array.isArray(children) ? children.map(asNode) : [];
}

function sequence(parts: (Node | null)[]): Node {
  return { type: "Sequence", pretokenizers: parts.filter((part) => part !== null) };
}

/** In a `Split` of the library `\s` is Unicode white space, as in the original; so every step with classes of characters becomes one. */
function fixPreTokenizer(node: Node | null, where: string): Node | null {
  if (node === null) return null;
  switch (node["type"]) {
    case "Sequence":
      return sequence(childrenOf(node, "pretokenizers").map((child) => fixPreTokenizer(child, where)));
    case "ByteLevel":
      return fixByteLevel(node);
    case "Digits":
      // The original isolates all characters of category N, the library only decimal digits.
      return split(node["individual_digits"] === true ? "\\p{N}" : "\\p{N}+", "Isolated");
    case "Punctuation":
      return splitAs(PUNCTUATION, node["behavior"] ?? "Isolated", where);
    case "Whitespace":
      return { ...split("\\w+|[^\\w\\s]+", "Removed"), invert: true };
    case "WhitespaceSplit":
      return split("\\s+", "Removed");
    case "CharDelimiterSplit":
      return split(escapePattern(String(node["delimiter"])), "Removed");
    case "FixedLength":
      return split(`[\\s\\S]{1,${Number(node["length"])}}`, "Isolated");
    case "Split":
      return fixSplit(node, where);
    case "Metaspace":
      return fixMetaspace(node);
    default:
      return node;
  }
}

function fixByteLevel(node: Node): Node {
  if (node["use_regex"] === false) return node;
  const space = { type: "Replace", pattern: { Regex: "\\A[^ ]" }, content: " $&" };
  const bytes = { ...node, use_regex: false, add_prefix_space: false };
  return sequence([node["add_prefix_space"] === true ? space : null, split(BYTE_LEVEL_PATTERN, "Isolated"), bytes]);
}

function fixSplit(node: Node, where: string): Node {
  const pattern = patternOf(node, where);
  const behavior = node["behavior"];
  if (node["invert"] !== true) return splitAs(pattern, behavior, where);
  if (behavior === "Removed") return { ...split(pattern, "Removed"), invert: true };
  // Matches and gaps change places: a gap then joins the match on its other side.
  if (behavior === "MergedWithPrevious") return splitAs(pattern, "MergedWithNext", where);
  if (behavior === "MergedWithNext") return splitAs(pattern, "MergedWithPrevious", where);
  return splitAs(pattern, behavior, where);
}

function patternOf(node: Node, where: string): string {
  const pattern = asNode(node["pattern"]);
  if (typeof pattern?.["Regex"] === "string") return pattern["Regex"];
  if (typeof pattern?.["String"] === "string") return escapePattern(pattern["String"]);
  throw new FormatError(where, `found a ${String(node["type"])} without a pattern, expected { Regex } or { String }`);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The library has only `Isolated` and `Removed`. The merging behaviours become `Isolated` with a pattern that includes the neighbour. */
function splitAs(pattern: string, behavior: unknown, where: string): Node {
  const other = `(?:(?!${pattern})[\\s\\S])`;
  switch (behavior) {
    case "Isolated":
    case "Removed":
      return split(pattern, behavior);
    case "MergedWithPrevious":
      return split(`${other}*(?:${pattern})|${other}+`, "Isolated");
    case "MergedWithNext":
      return split(`(?:${pattern})${other}*|${other}+`, "Isolated");
    case "Contiguous":
      return split(`(?:${pattern})+|${other}+`, "Isolated");
    default:
      throw new UnsupportedError(where, `Split behavior ${String(behavior)}`, [
        ...["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"],
      ]);
  }
}

function split(pattern: string, behavior: "Isolated" | "Removed"): Node {
  return { type: "Split", pattern: { Regex: pattern }, behavior, invert: false };
}

/** The library's `Metaspace` never splits, and ignores the older `add_prefix_space`. */
function fixMetaspace(node: Node): Node {
  const replacement = typeof node["replacement"] === "string" ? node["replacement"] : METASPACE;
  const scheme = node["prepend_scheme"] ?? (node["add_prefix_space"] === false ? "never" : "always");
  const fixed = { ...node, prepend_scheme: scheme };
  if (node["split"] === false) return fixed;
  return sequence([fixed, splitAs(escapePattern(replacement), "MergedWithNext", "Metaspace")]);
}

const METASPACE_CUT: Node = split(`${METASPACE}+[^${METASPACE}]*|[^${METASPACE}]+`, "Isolated");

/**
 * Whether a text can be cut before each run of U+2581 without changing ids: that is so if no token of a BPE vocabulary
 * contains such a border. Without the cut a whole document would go through one merge queue.
 */
function mayCutAtMetaspace(model: Node, preTokenizer: Node | null): boolean {
  if (model["type"] !== "BPE" || model["end_of_word_suffix"] || usesByteLevel(preTokenizer)) return false;
  const border = new RegExp(`[^${METASPACE}]${METASPACE}`);
  return !Object.keys(model["vocab"] as Node).some((token) => border.test(token));
}

function usesByteLevel(node: Node | null): boolean {
  if (node?.["type"] === "ByteLevel") return true;
  return node !== null && childrenOf(node, "pretokenizers").some(usesByteLevel);
}

function fixNormalizer(node: Node | null, where: string): Node | null {
  if (node === null) return null;
  switch (node["type"]) {
    case "Sequence":
      return { ...node, normalizers: childrenOf(node, "normalizers").map((child) => fixNormalizer(child, where)) };
    case "Replace":
      return { type: "Replace", pattern: { Regex: patternOf(node, where) }, content: node["content"] };
    case "Strip": {
      const remove = (pattern: string): Node => ({ type: "Replace", pattern: { Regex: pattern }, content: "" });
      const left = node["strip_left"] === true ? [remove("\\A\\s+")] : [];
      // Matches only from the first space of a run on: each later one would try the rest of the run again.
      const right = node["strip_right"] === true ? [remove("(?<!\\s)\\s+\\z")] : [];
      return { type: "Sequence", normalizers: [...left, ...right] };
    }
    case "Lowercase":
      return { type: "Sequence", normalizers: [PLAIN_SIGMA, node] };
    case "BertNormalizer":
      return node["lowercase"] === true ? { type: "Sequence", normalizers: [PLAIN_SIGMA, node] } : node;
    default:
      return node;
  }
}

/** The original lower-cases characters one by one; JavaScript gives a sigma at the end of a word another form. */
const PLAIN_SIGMA: Node = { type: "Replace", pattern: { String: "\u03a3" }, content: "\u03c3" };

function fixDecoder(node: Node | null): Node | null {
  if (node === null) return null;
  if (node["type"] === "Sequence")
    return { ...node, decoders: childrenOf(node, "decoders").map((child) => fixDecoder(child)) };
  if (node["type"] === "BPEDecoder") return { ...node, suffix: node["suffix"] ?? "</w>" };
  if (node["type"] === "WordPiece")
    return { ...node, prefix: node["prefix"] ?? "##", cleanup: node["cleanup"] ?? true };
  // `$` has a meaning of its own in JavaScript's replacement texts.
  if (node["type"] === "Replace") return { ...node, content: String(node["content"] ?? "").replaceAll("$", "$$$$") };
  // The library removes a space from the front of every text, even if none was added.
  const keepsSpace = node["prepend_scheme"] === "never" || node["add_prefix_space"] === false;
  if (node["type"] === "Metaspace" && keepsSpace)
    return { type: "Replace", pattern: { String: String(node["replacement"] ?? METASPACE) }, content: " " };
  return node;
}
