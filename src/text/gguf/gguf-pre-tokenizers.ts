/** How `tokenizer.ggml.pre` says that a text is cut into words, by the patterns of the models' own `tokenizer.json` files. */
import { UnsupportedError } from "../../base/errors.ts";

/** A pre-tokenizer by its name in GGUF files. */
export interface GgufPreTokenizer {
  /** Each cuts what the ones before it have left; matches and gaps both are pieces. */
  readonly patterns: readonly string[];
  /** Whether a word that is a token is taken as it is, and not put together by merges. */
  readonly ignoresMerges?: boolean;
  /** Whether the text is brought to Unicode's composed form first. */
  readonly composes?: boolean;
  /** Whether a text begins with BOS where the file does not say. */
  readonly addsBos?: boolean;
}

const CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const DIGIT = "\\p{N}";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Words of cl100k and its successors; they differ in the runs of digits. */
function wordsAndNumbers(numbers: string): string {
  return `[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;
}

const LLAMA3 = `${CONTRACTION}|${wordsAndNumbers("\\p{N}{1,3}")}`;
const QWEN2 = `${CONTRACTION}|${wordsAndNumbers(DIGIT)}`;
const MARKED = "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*";

/** Words of o200k, which end where a capital follows a small letter. */
function casedWords(end: string, numbers: string): string {
  const start = "[^\\r\\n\\p{L}\\p{N}]?";
  const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  const words = `${start}${upper}*${lower}+${end}|${start}${upper}+${lower}*${end}`;
  return `${words}|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`;
}

/** Letters with an upper and a lower case, as DeepSeek's first tokenizer lists them. */
const CASED =
  "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386" +
  "\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba" +
  "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d" +
  "\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113" +
  "\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4" +
  "\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a" +
  "\uff41-\uff5a\u{10400}-\u{1044f}\u{104b0}-\u{104d3}\u{104d8}-\u{104fb}\u{10c80}-\u{10cb2}\u{10cc0}-\u{10cf2}\u{118a0}-\u{118df}\u{1e900}-\u{1e943}";
const CHINESE = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
const CHINESE_AND_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";
const DEEPSEEK_SIGNS = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+";
const DEEPSEEK3_WORDS =
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*";
const BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";
const BAILING =
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

/** Pre-tokenizers with the names that mean them. */
const KNOWN: readonly (GgufPreTokenizer & { readonly names: string })[] = [
  { names: "default", patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"] },
  {
    names:
      "gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de jina-v1-en jina-v2-code roberta-bpe gigachat a.x-4.0 mellum modern-bert",
    patterns: [GPT2],
  },
  { names: "exaone4 jais trillion granite-docling", patterns: [GPT2] },
  { names: "olmo mpt", patterns: [GPT2], composes: true },
  { names: "starcoder refact smollm codeshell exaone minerva-7b mellum2", patterns: [DIGIT, GPT2] },
  { names: "command-r", patterns: [DIGIT, GPT2], composes: true },
  { names: "falcon", patterns: ["[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]"] },
  {
    names: "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2",
    ...{ patterns: [LLAMA3], ignoresMerges: true, addsBos: true },
  },
  { names: "dbrx smaug-bpe glm4 chatglm-bpe", patterns: [LLAMA3] },
  { names: "qwen2 megrez", patterns: [QWEN2], composes: true },
  { names: "deepseek-r1-qwen kormo f2llmv2 hunyuan solar-open grok-2 stablelm2", patterns: [QWEN2] },
  { names: "qwen35", patterns: [`${CONTRACTION}|${MARKED}|${SPACES}`], composes: true },
  { names: "gpt-4o llama4 kanana2 minimax-m2", patterns: [casedWords(`${CONTRACTION}?`, "\\p{N}{1,3}")] },
  { names: "tekken", patterns: [casedWords("", DIGIT)], ignoresMerges: true, addsBos: true },
  {
    names: "deepseek-llm",
    patterns: ["[\\r\\n]", `\\s?[${CASED}]+`, DEEPSEEK_SIGNS, "\\s+$", CHINESE, "\\p{N}+"],
  },
  { names: "deepseek-coder", patterns: ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CHINESE, DIGIT] },
  {
    names: "deepseek-v3 hunyuan-dense joyai-llm",
    patterns: ["\\p{N}{1,3}", CHINESE_AND_KANA, `${DEEPSEEK3_WORDS}|${SPACES}`],
  },
  { names: "bloom gpt3-finnish poro-chat", patterns: [BLOOM] },
  { names: "viking", patterns: [BLOOM, DIGIT] },
  { names: "bailingmoe bailingmoe2 llada-moe", patterns: [BAILING] },
  {
    names: "seed-coder",
    patterns: [`${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${SPACES}`],
  },
];

const BY_NAME: ReadonlyMap<string, GgufPreTokenizer> = new Map(
  KNOWN.flatMap(({ names, ...preTokenizer }) => names.split(" ").map((name) => [name, preTokenizer] as const)),
);

/** @throws UnsupportedError for a name that is not known: another pre-tokenizer would give wrong ids in silence. */
export function ggufPreTokenizer(name: string, where: string): GgufPreTokenizer {
  const found = BY_NAME.get(name);
  if (found !== undefined) return found;
  throw new UnsupportedError(`${where}: tokenizer.ggml.pre`, JSON.stringify(name.slice(0, 60)), [...BY_NAME.keys()]);
}
