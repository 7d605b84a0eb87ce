/** Finds the first few of many in order without sorting the rest, by binary heaps over index arrays. */

/** Whether a comes before b; a total order. */
export type ComesFirst = (a: number, b: number) => boolean;

/** Puts the ids of the `count` largest scores into `heap`, descending; of equal scores the lower id comes first. count <= scores.length. */
export function keepLargest(scores: Float32Array, count: number, heap: Int32Array): void {
  // The worst kept id is on top of the heap, so that most ids cost one comparison.
  const worse: ComesFirst = (a, b) => scores[a] < scores[b] || (scores[a] === scores[b] && a > b);
  for (let id = 0; id < count; id++) heap[id] = id;
  heapify(heap, count, worse);
  for (let id = count; id < scores.length; id++) {
    if (!(scores[id] > scores[heap[0]])) continue; // an equal score with a higher id is the worse one
    heap[0] = id;
    sink(heap, 0, count, worse);
  }
  for (let size = count - 1; size > 0; size--) {
    const worst = heap[0];
    heap[0] = heap[size];
    heap[size] = worst;
    sink(heap, 0, size, worse);
  }
}

/**
 * Takes entries of the first `count` items in order, up to and including the first for which `enough` is true. Moves them to the end
 * of these items, in reverse order.
 * @returns the number of entries taken.
 */
export function popUntil(
  items: Int32Array,
  count: number,
  comesFirst: ComesFirst,
  enough: (item: number) => boolean,
): number {
  heapify(items, count, comesFirst);
  for (let size = count; size > 0; ) {
    const item = items[0];
    items[0] = items[--size];
    items[size] = item;
    if (enough(item)) return count - size;
    sink(items, 0, size, comesFirst);
  }
  return count;
}

function heapify(heap: Int32Array, size: number, comesFirst: ComesFirst): void {
  for (let at = (size >> 1) - 1; at >= 0; at--) sink(heap, at, size, comesFirst);
}

/** Moves the entry at `at` down until both entries below it come after it. */
function sink(heap: Int32Array, at: number, size: number, comesFirst: ComesFirst): void {
  if (at >= size) return;
  const item = heap[at];
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && comesFirst(heap[child + 1], heap[child])) child++;
    if (!comesFirst(heap[child], item)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
}
