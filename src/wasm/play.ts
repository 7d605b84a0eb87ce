/** Plays calls on the caller's thread alone. */
import type { Kernel } from "./threads/teamwork.ts";

/** Plays `count` calls from word `at` on, each as a whole. */
export function playCalls(
  words: Int32Array,
  at: number,
  count: number,
  kernels: readonly Kernel[],
  scratch: number,
): void {
  for (let p = at; p < at + count * 16; p += 16) {
    if (words[p + 1] === words[p + 2]) continue;
    // biome-ignore format: one line a call
    kernels[words[p]](words[p + 1], words[p + 2], scratch, words[p + 4], words[p + 5], words[p + 6], words[p + 7], words[p + 8], words[p + 9], words[p + 10], words[p + 11], words[p + 12], words[p + 13], words[p + 14], words[p + 15]);
  }
}
