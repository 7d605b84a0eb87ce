/** KL over several texts: a cell may be measured on more than one. */

interface TextKl {
  readonly mean: number;
  readonly stdErr: number;
  readonly windows: readonly number[];
  readonly sameTop?: number;
}

/** Means over all windows of all texts, and the windows, text after text. Texts are different, so the squares of their errors add up. */
export function overTexts<Kl extends TextKl>(texts: readonly Kl[]): Kl | undefined {
  if (texts.length < 2) return texts[0];
  const whole = texts.every(({ windows }) => windows.length > 0);
  const weights = texts.map(({ windows }) => (whole ? windows.length : 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const weighted = (values: readonly number[]) =>
    values.reduce((sum, value, text) => sum + value * (weights[text] / total), 0);
  const squares = texts.map(({ stdErr }, text) => (stdErr * (weights[text] / total)) ** 2);
  const sameTops = texts.flatMap(({ sameTop }) => sameTop ?? []);
  return {
    ...texts[0],
    mean: weighted(texts.map(({ mean }) => mean)),
    stdErr: Math.sqrt(squares.reduce((sum, square) => sum + square, 0)),
    windows: whole ? texts.flatMap(({ windows }) => windows) : [],
    sameTop: sameTops.length === texts.length ? weighted(sameTops) : undefined,
  };
}
