/** The first few of many in order, without sorting the rest: binary heaps over index arrays. */

/** Whether a stands before b; a total order. */
export type ComesFirst = (a: number, b: number) => boolean;

/** Ids of the `count` largest scores, descending, ties to the lower id. count <= scores.length. */
export function keepLargest(scores: Float32Array, count: number): Int32Array {
  // The heap has the worst of the kept on top, so that most ids cost one comparison.
  const worse: ComesFirst = (a, b) => scores[a] < scores[b] || (scores[a] === scores[b] && a > b);
  const heap = new Int32Array(count);
  for (let id = 0; id < count; id++) heap[id] = id;
  heapify(heap, worse);
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
  return heap;
}

/** Takes entries in order until `enough` says so, with the one it said it of; destroys `items`. */
export function popUntil(items: Int32Array, comesFirst: ComesFirst, enough: (item: number) => boolean): number[] {
  heapify(items, comesFirst);
  const taken: number[] = [];
  for (let size = items.length; size > 0; ) {
    const item = items[0];
    taken.push(item);
    if (enough(item)) break;
    items[0] = items[--size];
    sink(items, 0, size, comesFirst);
  }
  return taken;
}

function heapify(heap: Int32Array, comesFirst: ComesFirst): void {
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(heap, at, heap.length, comesFirst);
}

/** Moves the entry at `at` down until both entries below it come after it. */
function sink(heap: Int32Array, at: number, size: number, comesFirst: ComesFirst): void {
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
