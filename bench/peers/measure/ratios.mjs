// Statistics of interleaved repetitions: medians, and ratios of paired repetitions with their spread.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * How many times faster `ours` is than `theirs`, from milliseconds of repetitions that were taken in turns: the median, smallest and
 * largest ratio of repetitions of the same turn.
 */
export function speedRatio(ours, theirs) {
  if (ours.length !== theirs.length || ours.length === 0)
    throw new Error(`repetitions: found ${ours.length} and ${theirs.length}, expected equally many`);
  const ratios = ours.map((ms, turn) => theirs[turn] / ms);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

/** "1.25 (1.20..1.31)" */
export const showRatio = ({ median: middle, min, max }) =>
  `${middle.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`;
