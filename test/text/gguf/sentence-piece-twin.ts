/** The naive twin of SentencePiece's BPE: looks at all pairs of neighbours again after each merge. */

/** Ids of a text that is escaped already. A character that is no token becomes the ids of its bytes. */
export function sentencePieceTwin(text: string, tokens: readonly string[], scores: readonly number[]): number[] {
  const symbols = [...text];
  for (;;) {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let at = 0; at + 1 < symbols.length; at++) {
      const id = tokens.indexOf(symbols[at] + symbols[at + 1]);
      if (id >= 0 && scores[id] > bestScore) {
        best = at;
        bestScore = scores[id];
      }
    }
    if (best < 0) break;
    symbols.splice(best, 2, symbols[best] + symbols[best + 1]);
  }
  return symbols.flatMap((symbol) => {
    const id = tokens.indexOf(symbol);
    if (id >= 0) return [id];
    const bytes = [...new TextEncoder().encode(symbol)];
    return bytes.map((byte) => tokens.indexOf(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
  });
}
