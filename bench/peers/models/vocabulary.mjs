// A made vocabulary for the models for speed: ASCII only, so that every token is valid UTF-8 alone.

const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;

/** The character that stands for a byte in byte-level vocabularies, as GPT-2 maps them. */
function byteCharacters() {
  const isShown = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isShown(byte) ? byte : next++));
}

/** Tokens of high bytes are replaced by ASCII names: servers refuse text that is not UTF-8. */
const asciiOf = (byte, text) => (byte < 128 ? { text, type: undefined } : { text: `[b${byte}]`, type: NORMAL });

function pieceTokens() {
  const special = [
    ["<unk>", 0, UNKNOWN],
    ["<s>", 0, CONTROL],
    ["</s>", 0, CONTROL],
  ];
  const bytes = Array.from({ length: 256 }, (_, byte) => {
    const hex = byte.toString(16).toUpperCase().padStart(2, "0");
    const { text, type } = asciiOf(byte, `<0x${hex}>`);
    return [text, 0, type ?? BYTE];
  });
  const common = ["\u2581", ..."etaonisrhldu", "\u2581t", "he", "\u2581the", "an", "in"];
  return [...special, ...bytes, ...common.map((text, i) => [text, -1 - i, NORMAL])];
}

const MERGES = ["h e", "t he", "\u0120 t", "\u0120t he", "i n", "a n", "r e"];

function byteLevelTokens() {
  const bytes = byteCharacters().map((text, byte) => [asciiOf(byte, text).text, 0, NORMAL]);
  const merged = MERGES.map((merge) => [merge.replace(" ", ""), 0, NORMAL]);
  return [...bytes, ["<|endoftext|>", 0, CONTROL], ...merged];
}

/** Metadata of the tokenizer as [key, type, value]. */
export function tokenizerOf({ pieces, pre, vocab }) {
  const tokens = pieces ? pieceTokens() : byteLevelTokens();
  for (let id = tokens.length; id < vocab; id++) tokens.push([`[x${id}]`, -1000, NORMAL]);
  const column = (at) => tokens.map((token) => token[at]);
  const keys = [
    ["model", "text", pieces ? "llama" : "gpt2"],
    ["tokens", "texts", column(0)],
    ["token_type", "i32s", column(2)],
    ...(pieces ? [["scores", "f32s", column(1)]] : []),
    ...(pieces
      ? [["unknown_token_id", "u32", 0]]
      : [
          ["pre", "text", pre],
          ["merges", "texts", MERGES],
        ]),
    ["bos_token_id", "u32", pieces ? 1 : 256],
    ["eos_token_id", "u32", pieces ? 2 : 256],
    ...["add_bos_token", "add_eos_token", ...(pieces ? ["add_space_prefix"] : [])].map((key) => [key, "flag", false]),
  ];
  return keys.map(([key, type, value]) => [`tokenizer.ggml.${key}`, type, value]);
}
