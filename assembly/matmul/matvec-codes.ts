// Multiplies a few activation rows by packed panels. Codes are unpacked in registers, and each panel is read from end to end.
import { bitsOf, isWords, valueBytes } from "../common/bits";
import { BYTES_03, BYTES_04 } from "../common/constants";
import { byteMask, halfMask } from "./codes";
import { dotGroupBytes, dotGroupWords } from "./group-dots";
import { headBytes } from "./panel";
import { rowAt } from "./table";

/** Masks of fields, as the dot products of W and D need them; at 8 bits what is added to every byte. */
@inline function fieldMask<W, D>(flip: i32): v128 {
  if (isWords<D>()) return halfMask<W>();
  else if (bitsOf<W>() == 8) return i8x16.splat(<i8>flip);
  else return byteMask<W>();
}

/**
 * y[count rows][streams panels] = panels x rows. The panels are read side by side, group by group: several streams keep more reads of
 * memory under way than one (1.6 times the speed). Panels are `panelStep` bytes apart, their results `yStep`; the rows of y `yBytes`.
 */
export function matvecCodes<W, D>(y: usize, yBytes: usize, yStep: usize, panel: usize, panelStep: usize, streams: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32): void {
  const mask = fieldMask<W, D>(flip);
  const three = v128.load(BYTES_03);
  const four = v128.load(BYTES_04);
  let end = panel + <usize>streams * panelStep;
  for (let to = y, p = panel; p < end; p += panelStep, to += yStep) {
    for (let row: usize = 0; row < <usize>count; row++) memory.fill(to + row * yBytes, 0, 64);
  }
  let meta = record;
  for (let col = 0; col < k; col += groupSize) {
    let codes = headBytes(zero);
    for (let left = groupSize; left > 0; left -= actGroup) {
      const n = min(left, actGroup);
      let to = y;
      for (let p = panel; p < end; p += panelStep) {
        for (let row: i32 = 0; row < count; row++) {
          const at = rowAt(index, start + row) * recordBytes;
          const out = to + <usize>row * yBytes;
          if (isWords<D>()) dotGroupWords<W>(out, p, p + codes, record + valuesOffset + at, meta + at, n, zero, mask);
          else dotGroupBytes<W>(out, p, p + codes, record + valuesOffset + at, meta + at, n, zero, flip, planes, <usize>k, mask, three, four);
        }
        to += yStep;
      }
      meta += 8;
      valuesOffset += <usize>(n * valueBytes<D>());
      codes += <usize>(2 * n * bitsOf<W>());
    }
    panel += codes;
    end += codes;
  }
}
