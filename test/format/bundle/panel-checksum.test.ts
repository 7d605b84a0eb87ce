import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/base/random.ts";
import { checksumStaging, panelChecksum } from "../../../src/format/bundle/panel-checksum.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";

const PRIME = 0x9e3779b1;

/** As docs/formats.md tells it. */
function step(sum: number, word: number): number {
  const product = Math.imul(sum ^ word, PRIME);
  return (product << 15) | (product >>> 17);
}

function naive(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  let whole = PRIME | 0;
  for (let chunk = 0; chunk < words.length; chunk += 16384) {
    const sums = new Int32Array(32).fill(PRIME);
    const part = words.subarray(chunk, chunk + 16384);
    for (const [at, word] of part.entries()) sums[at % 32] = step(sums[at % 32], word);
    const lanes = [0, 1, 2, 3].map((lane) => {
      return [1, 2, 3, 4, 5, 6, 7].reduce((sum, vector) => step(sum, sums[4 * vector + lane]), sums[lane]);
    });
    whole = step(
      whole,
      lanes.slice(1).reduce((sum, lane) => step(sum, lane), lanes[0]),
    );
  }
  return whole >>> 0;
}

const random = createRandom(5);
const BYTES = Uint8Array.from({ length: 3 * 65536 }, () => random.next() * 256);

describe.each([1, 2])("panelChecksum with %d threads", (threads) => {
  it("is that of the documentation, for any number of lines", async () => {
    await using machine = await createMachine({ threads });
    using region = machine.arena.region();
    const address = region.place(BYTES);
    const staging = region.alloc(checksumStaging(BYTES.length));
    for (const bytes of [64, 128, 192, 65536 - 64, 65536, 65536 + 64, 65536 + 128, BYTES.length])
      expect(panelChecksum(machine, { address, bytes }, staging)).toBe(naive(BYTES.subarray(0, bytes)));
  });

  it("sees any changed bit, and places that are exchanged", async () => {
    await using machine = await createMachine({ threads });
    using region = machine.arena.region();
    const address = region.place(BYTES);
    const staging = region.alloc(checksumStaging(BYTES.length));
    const sum = () => panelChecksum(machine, { address, bytes: BYTES.length }, staging);
    const expected = sum();
    for (let i = 0; i < 200; i++) {
      const at = address + Math.floor(random.next() * BYTES.length);
      const bit = 1 << Math.floor(random.next() * 8);
      machine.arena.u8(at, 1)[0] ^= bit;
      expect(sum()).not.toBe(expected);
      machine.arena.u8(at, 1)[0] ^= bit;
    }
    for (const size of [64, 128, 512, 4096, 65536]) {
      const [a, b] = [machine.arena.u8(address, size), machine.arena.u8(address + size, size)];
      const before = a.slice();
      a.set(b);
      b.set(before);
      expect(sum()).not.toBe(expected);
      b.set(a);
      a.set(before);
      expect(sum()).toBe(expected);
    }
  });
});
