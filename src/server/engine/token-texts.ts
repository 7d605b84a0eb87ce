/** Tokens as the API shows them: each has a text, also where its bytes are a part of a character only. */
import type { Tokenizer } from "../../text/tokenizer.ts";

const STRICT: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The mark of SentencePiece for a space. */
const SPACE_MARK = /\u2581/g;

/** The text of a token; `bytes:\xe2\x80` where it is not UTF-8 by itself, `token_id:7` where the tokenizer has no such token. */
export function tokenText(tokenizer: Tokenizer | undefined, id: number): string {
  const spelling = tokenizer?.tokenOf(id);
  if (spelling === undefined) return `token_id:${id}`;
  const bytes = tokenizer?.bytesOf(id);
  if (bytes === undefined) return spelling.replace(SPACE_MARK, " ");
  try {
    return STRICT.decode(bytes);
  } catch {
    return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
  }
}

/** The bytes of a token; null where the tokenizer does not work on bytes. */
export function tokenBytes(tokenizer: Tokenizer | undefined, id: number): readonly number[] | null {
  const bytes = tokenizer?.tokenOf(id) === undefined ? undefined : tokenizer.bytesOf(id);
  return bytes === undefined ? null : [...bytes];
}
