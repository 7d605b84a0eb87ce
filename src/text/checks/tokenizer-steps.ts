/** Checks every step of a `tokenizer.json` before the library sees it: its type, its fields, its patterns. */

import { compileTokenizerPattern } from "./pattern-guard.ts";
import type { Fields } from "./tokenizer-fields.ts";

/** Checks of the fields that a step of each type must have. */
type Steps = Readonly<Record<string, (step: Fields) => unknown>>;

const SCHEMES = ["always", "first", "never"] as const;
const BEHAVIORS = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
const NO_FIELDS = () => undefined;

const NORMALIZERS: Steps = {
  Sequence: (step) => step.objects("normalizers").forEach(checkNormalizer),
  BertNormalizer: booleans("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"),
  Replace: checkReplace,
  NFC: NO_FIELDS,
  NFD: NO_FIELDS,
  NFKC: NO_FIELDS,
  NFKD: NO_FIELDS,
  Strip: booleans("strip_left", "strip_right"),
  StripAccents: NO_FIELDS,
  Lowercase: NO_FIELDS,
  Prepend: (step) => step.string("prepend"),
};

const PRE_TOKENIZERS: Steps = {
  Sequence: (step) => step.objects("pretokenizers").forEach(checkPreTokenizer),
  ByteLevel: booleans("add_prefix_space", "use_regex", "trim_offsets"),
  Split: (step) => {
    checkSomePattern(step);
    step.boolean("invert", false);
    step.oneOf("behavior", BEHAVIORS);
  },
  Metaspace: (step) => {
    checkMetaspace(step);
    step.boolean("split", true);
  },
  Digits: booleans("individual_digits"),
  Punctuation: (step) => step.oneOf("behavior", BEHAVIORS, "Isolated"),
  Whitespace: NO_FIELDS,
  WhitespaceSplit: NO_FIELDS,
  BertPreTokenizer: NO_FIELDS,
  CharDelimiterSplit: (step) => step.character("delimiter"),
  FixedLength: (step) => requireLength(step),
};

/** CTC is left out because the library removes spaces that belong to the text. */
const DECODERS: Steps = {
  Sequence: (step) => step.objects("decoders").forEach(checkDecoder),
  ByteLevel: NO_FIELDS,
  ByteFallback: NO_FIELDS,
  Metaspace: checkMetaspace,
  Replace: checkReplace,
  Fuse: NO_FIELDS,
  Strip: (step) => [step.character("content"), step.integer("start"), step.integer("stop")],
  WordPiece: (step) => [step.string("prefix", "##"), step.boolean("cleanup", true)],
  BPEDecoder: (step) => {
    if (step.string("suffix", "</w>") === "") throw step.error("suffix", "an empty one", "a text");
  },
};

const POST_PROCESSORS: Steps = {
  Sequence: (step) => step.objects("processors").forEach(checkPostProcessor),
  TemplateProcessing: (step) => {
    for (const part of step.objects("single"))
      if (part.isAbsent("SpecialToken")) part.object("Sequence");
      else part.object("SpecialToken").string("id");
  },
  ByteLevel: NO_FIELDS,
  BertProcessing: NO_FIELDS,
  RobertaProcessing: NO_FIELDS,
};

/** @throws FormatError, UnsupportedError: both name the file and the field. */
export function checkSteps(json: Fields): void {
  const checks = { normalizer: checkNormalizer, pre_tokenizer: checkPreTokenizer, decoder: checkDecoder };
  for (const [key, check] of Object.entries({ ...checks, post_processor: checkPostProcessor })) {
    const step = json.optionalObject(key);
    if (step !== undefined) check(step);
  }
}

function checkNormalizer(step: Fields): void {
  NORMALIZERS[step.oneOf("type", Object.keys(NORMALIZERS))](step);
}

function checkPreTokenizer(step: Fields): void {
  PRE_TOKENIZERS[step.oneOf("type", Object.keys(PRE_TOKENIZERS))](step);
}

function checkDecoder(step: Fields): void {
  DECODERS[step.oneOf("type", Object.keys(DECODERS))](step);
}

function checkPostProcessor(step: Fields): void {
  POST_PROCESSORS[step.oneOf("type", Object.keys(POST_PROCESSORS))](step);
}

function booleans(...keys: string[]): (step: Fields) => void {
  return (step) => {
    for (const key of keys) step.boolean(key, false);
  };
}

function checkReplace(step: Fields): void {
  checkSomePattern(step);
  step.string("content");
}

function checkSomePattern(step: Fields): void {
  const pattern = step.object("pattern");
  if (!pattern.isAbsent("Regex")) compileTokenizerPattern(pattern.string("Regex"), `${pattern.where}.Regex`);
  else if (pattern.isAbsent("String")) throw step.error("pattern", "neither a Regex nor a String", "one of them");
  else if (pattern.string("String") === "") throw step.error("pattern", "an empty String", "a text to find");
}

function checkMetaspace(step: Fields): void {
  step.character("replacement", "\u2581");
  step.oneOf("prepend_scheme", SCHEMES, step.boolean("add_prefix_space", true) ? "always" : "never");
}

function requireLength(step: Fields): void {
  const length = step.integer("length");
  if (length === 0 || length > 1000) throw step.error("length", String(length), "a whole number from 1 to 1000");
}
