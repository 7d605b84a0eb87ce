// Whether two engines compute the same model: how alike their logits are.

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

function covariance(a, b) {
  const [meanA, meanB] = [mean(a), mean(b)];
  return mean(a.map((value, i) => (value - meanA) * (b[i] - meanB)));
}

export const meanDifference = (a, b) => mean(a.map((value, i) => Math.abs(value - b[i])));

/** Of two lists of logits [V]: their correlation, mean absolute difference, and whether the likeliest token is the same. */
export function compareLogits(a, b) {
  if (a.length !== b.length) throw new Error(`logits: found ${a.length} and ${b.length}, expected equally many`);
  const top = (list) => list.indexOf(list.reduce((most, value) => Math.max(most, value)));
  return {
    correlation: covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b)),
    difference: meanDifference(a, b),
    sameTop: top(a) === top(b),
  };
}
