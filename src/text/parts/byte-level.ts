/** Byte-level BPE writes each byte of a token as one printable character. This file turns the characters back into bytes. */

/** Printable characters of Latin-1 stand for themselves; the other bytes, in order, are written as U+0100 and up. */
function byteOfCharacter(): ReadonlyMap<string, number> {
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    map.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return map;
}

const BYTES = byteOfCharacter();
const ENCODER = new TextEncoder();

/** The bytes a token of the vocabulary stands for; a token with a character outside the alphabet stands for itself. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES.get(token[i]);
    if (byte === undefined) return ENCODER.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}

/** How many bytes at the end of `bytes` begin a UTF-8 character that more bytes could still finish (0 to 3). */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const lead = bytes[bytes.length - back];
    if (lead >= 0x80 && lead < 0xc0) continue;
    const length =
      lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 1;
    const second = bytes[bytes.length - back + 1];
    return back < length && (back === 1 || maySecond(lead, second)) ? back : 0;
  }
  return 0;
}

/** Some leads allow only a part of the continuation bytes next: no overlong forms, no surrogates, nothing past U+10FFFF. */
function maySecond(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second < 0xa0;
  if (lead === 0xf0) return second >= 0x90;
  if (lead === 0xf4) return second < 0x90;
  return true;
}

/** Decodes UTF-8; a byte order mark counts as a character. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
