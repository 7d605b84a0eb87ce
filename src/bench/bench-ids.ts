/** Token ids for benchmarks: any ids do, since no kernel's time depends on them except through the experts that they are routed to. */
import { createRandom } from "../base/random.ts";

/** `count` ids drawn evenly from the vocabulary, always the same. */
export function benchIds(count: number, vocabSize: number): readonly number[] {
  const random = createRandom(1);
  return Array.from({ length: count }, () => random.integer(vocabSize));
}
