/** Roots of rising functions. */

/** Where `below` turns false between `lo` and `hi`: halved until the two are neighbouring numbers. */
export function bisect(below: (x: number) => boolean, lo: number, hi: number): number {
  for (;;) {
    const middle = lo + (hi - lo) / 2;
    if (middle === lo || middle === hi) return middle;
    if (below(middle)) lo = middle;
    else hi = middle;
  }
}
