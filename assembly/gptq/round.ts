// Plain rounding of rows as they are stored, without tiles: the grids of consecutive groups, and the codes on them.
import { EXP_MAGIC, F32_SURE } from "../common/constants";
import { leastLane } from "../common/lanes";
import { clipOf, topOf } from "./flags";
import { TILE_ROWS } from "./grid";
import { codeOf } from "./scale";
import { findRow, prepareFactors, ROOM, SEARCH } from "./search";

/**
 * codes[n,k] u8, scales[n,groups] f32 and zeros[n,groups] u8 of w[n,k] f32, in groups of `size` columns (the last may be short).
 * weights[k] f64 is the diagonal of H for the hessian search. A unit is 16 rows. Scratch: as findGrids needs (grid.ts).
 */
export function round_rows(
  first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, w: usize, weights: usize,
  n: i32, k: i32, size: i32, flags: i32,
): void {
  const table = scratch + SEARCH, h32 = table + ROOM;
  const groups = (k + size - 1) / size;
  for (let unit = first; unit < last; unit++) {
    for (let group = 0; group < groups; group++) {
      const from = group * size;
      const count = min(size, k - from);
      const h = weights + (<usize>from << 3);
      if (clipOf(flags) == 2) prepareFactors(table, h32, h, count);
      for (let row = unit * TILE_ROWS; row < min((unit + 1) * TILE_ROWS, n); row++) {
        const at = <usize>row * <usize>k + <usize>from;
        const x = w + (at << 2);
        const entry = <usize>row * <usize>groups + <usize>group;
        findRange(scratch + 16, x, count);
        const least = <f64>load<f32>(scratch, 16), most = <f64>load<f32>(scratch, 20);
        findRow(scratch, table, x, 4, x, x + (<usize>count << 2), h, h32, least, most, flags);
        store<f32>(scales + (entry << 2), <f32>load<f64>(scratch));
        store<u8>(zeros + entry, <u8>load<f64>(scratch, 128));
        roundRun(codes + at, x, count, load<f64>(scratch), load<f64>(scratch, 128), flags);
      }
    }
  }
}

/** out = the least and the most of 0 and count f32. */
function findRange(out: usize, x: usize, count: i32): void {
  let least = f32x4.splat(0), most = least;
  const end = x + (<usize>count << 2);
  for (; x + 16 <= end; x += 16) {
    least = f32x4.pmin(least, v128.load(x));
    most = f32x4.pmax(most, v128.load(x));
  }
  for (; x < end; x += 4) {
    least = f32x4.pmin(least, v128.load32_splat(x));
    most = f32x4.pmax(most, v128.load32_splat(x));
  }
  store<f32>(out, leastLane(least));
  store<f32>(out, -leastLane(f32x4.neg(most)), 4);
}

/** codes[count] = clamp(nearest(x / scale) + zero): eight in f32 if none is near the middle of two codes, else in f64. */
function roundRun(codes: usize, x: usize, count: i32, scale: f64, zero: f64, flags: i32): void {
  const scales = f64x2.splat(scale), zeros = f64x2.splat(zero), top = f64x2.splat(<f64>topOf(flags));
  const inverse = f32x4.splat(1 / <f32>scale), low = f32x4.splat(-<f32>zero), high = f32x4.splat(<f32>topOf(flags) - <f32>zero);
  // Nothing is sure if the inverse is infinite.
  const sure = f32x4.add(v128.load(F32_SURE), f32x4.mul(inverse, f32x4.splat(0)));
  const magic = v128.load(EXP_MAGIC), shift = i32x4.sub(magic, i32x4.splat(<i32>zero));
  for (const end = codes + <usize>count; codes < end;) {
    const stop = min(codes + 8, end);
    if (codes + 8 == stop) {
      const a = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(x), inverse), low), high);
      const b = f32x4.pmin(f32x4.pmax(f32x4.mul(v128.load(x, 16), inverse), low), high);
      // Adding 1.5 * 2^23 rounds to an integer.
      const c = f32x4.add(a, magic), d = f32x4.add(b, magic);
      const far = f32x4.pmax(f32x4.abs(f32x4.sub(f32x4.sub(c, magic), a)), f32x4.abs(f32x4.sub(f32x4.sub(d, magic), b)));
      if (i32x4.all_true(f32x4.lt(far, sure))) {
        const words = i16x8.narrow_i32x4_s(i32x4.sub(c, shift), i32x4.sub(d, shift));
        v128.store64_lane(codes, i8x16.narrow_i16x8_u(words, words), 0);
        x += 32;
        codes = stop;
        continue;
      }
    }
    for (; codes < stop; codes++) {
      store<u8>(codes, <u8>f64x2.extract_lane(codeOf(f64x2.splat(<f64>load<f32>(x)), scales, zeros, top), 0));
      x += 4;
    }
  }
}
