/** tokenizer.json and tokenizer_config.json: read, then used both ways. */
import { parseJsonBytes } from "../../../src/base/json.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { readTokenizer } from "../../../src/model/text/folder-tokenizer.ts";
import { type Area, filesOf, jsonOf } from "../area.ts";
import { damageJson, type Extras } from "../json.ts";

const WORDS: Extras = {
  texts: [
    ...[
      "BPE",
      "Unigram",
      "WordPiece",
      "ByteLevel",
      "Metaspace",
      "Sequence",
      "Split",
      "Replace",
      "Strip",
      "Fuse",
      "ByteFallback",
    ],
    ...[
      "Isolated",
      "Removed",
      "MergedWithNext",
      "(\\w+\\s?)+$",
      "[",
      "\\p{L}+",
      "▁",
      "Ġ",
      "<s>",
      "NFC",
      "TemplateProcessing",
    ],
  ],
};
/** Long enough for what grows with the square of a text to be seen. */
const LONG = ["a".repeat(2000), " ".repeat(2000), "ab ".repeat(700)];
const TEXT = "Once upon a time, caf\u00e9 \u{1f600} \u0000 <s> don't\n\n  a b";

/** The fixture's own vocabulary of thousands would take most of the changes and of the time: a small one is left. */
function smaller(tokenizer: Record<string, unknown>): unknown {
  const model = tokenizer["model"] as { vocab: Record<string, number>; merges: unknown[] };
  const vocab = Object.fromEntries(Object.entries(model.vocab).filter(([, id]) => id < 400));
  const known = (merge: unknown) => {
    const [left, right] = typeof merge === "string" ? merge.split(" ") : (merge as string[]);
    return left in vocab && right in vocab && left + right in vocab;
  };
  return { ...tokenizer, model: { ...model, vocab, merges: model.merges.filter(known) } };
}

export async function tokenizer(): Promise<Area> {
  const files = filesOf("models/fable-mixtral");
  const seeds = [
    smaller(jsonOf(files["tokenizer.json"]) as Record<string, unknown>),
    jsonOf(filesOf("test/fixtures/tokenizers")["metaspace.json"]),
  ];
  const config = files["tokenizer_config.json"];
  return {
    make(dice) {
      const seed = dice.pick(seeds);
      const plain = new TextEncoder().encode(JSON.stringify(seed));
      if (dice.chance(0.15))
        return { "tokenizer.json": plain, "tokenizer_config.json": damageJson(jsonOf(config), dice, WORDS) };
      return { "tokenizer.json": damageJson(seed, dice, WORDS), "tokenizer_config.json": config };
    },
    async run(input) {
      const found = await readTokenizer(filesFolder("fuzz", input));
      if (found === undefined) throw new Error("no tokenizer was read");
      const ids = found.encode(TEXT);
      if (ids.some((id) => !Number.isSafeInteger(id))) throw new Error(`ids are ${ids.slice(0, 20).join(" ")}`);
      if (input["tokenizer.json"].length % 10 === 0) for (const text of LONG) found.encode(text);
      found.decode(ids);
      found.decode([0, 1, 5, 399]);
      parseJsonBytes(input["tokenizer.json"], "tokenizer.json");
    },
  };
}
