// Screens the candidates of a clip search by squares: errors that no candidate of a batch cuts off are at most half a step, where a polynomial
// is close to |d|^2.4 and takes far less work, as does rounding without a range. The few weights that some candidate cuts off are kept apart.
// docs/kernels.md tells how far such a sum may be from the exact error.
import { F32_BLUNT_C2, F32_BLUNT_C3, F32_BLUNT_C4 } from "../common/constants";
import { CANDIDATES, INVERSES, shrinkOf } from "./candidates";

/** Columns of the longest group that is screened. */
export const SCREENED: i32 = 4096;

/** Candidates that share a division of the weights. */
export const BATCH: i32 = 16;

/** The polynomial's largest error is below BLUNT, that of everything else below half of what SHARP is above 1, as a share. */
export const BLUNT: f32 = 2e-4;
export const SHARP: f32 = 1.0015;

// The weights to screen, those apart, and their end.
export const APART: usize = 4 * <usize>SCREENED;
const END: usize = 2 * APART;

/** Bytes of memory for a screen. */
export const SCREEN: usize = END + 16;

/** End of the weights that are apart. */
@inline export function apartEnd(screen: usize): usize { return load<usize>(screen, END); }

/** Divides a row, whose columns are a multiple of four, for the candidates of a batch, which begins with `first`. */
export function divideRow(screen: usize, row: usize, end: usize, low: f64, high: f64, first: i32): void {
  const shrink = shrinkOf(min(first + BATCH, CANDIDATES) - 1);
  // The rounding of the scale, of 2^-11 at most, is less than the margin.
  const margin = (high - low) / 1024.0;
  const least = f32x4.splat(<f32>((low + margin) * shrink)), most = f32x4.splat(<f32>((high - margin) * shrink));
  let apart = screen + APART;
  for (let kept = screen; row < end; kept += 16, row += 16) {
    const w = v128.load(row);
    const outside = v128.or(f32x4.lt(w, least), f32x4.gt(w, most));
    // In the place of a weight that is apart stays a zero, which has no error.
    v128.store(kept, v128.andnot(w, outside));
    for (let lanes = i32x4.bitmask(outside); lanes != 0; lanes &= lanes - 1) {
      store<f32>(apart, load<f32>(row + (<usize>ctz(lanes) << 2)));
      apart += 4;
    }
  }
  store<usize>(screen, apart, END);
}

/** Sums of the errors of the weights that are not apart, up to `end`, in steps of the four candidates at `at`. */
export function screened(screen: usize, end: usize, at: usize): v128 {
  const inverse = v128.load(at, INVERSES);
  let second = f32x4.splat(0), third = second, fourth = second;
  for (; screen < end; screen += 4) {
    const steps = f32x4.mul(v128.load32_splat(screen), inverse);
    const d = f32x4.sub(steps, f32x4.nearest(steps));
    const square = f32x4.mul(d, d);
    second = f32x4.add(second, square);
    third = f32x4.add(third, f32x4.mul(square, f32x4.abs(d)));
    fourth = f32x4.add(fourth, f32x4.mul(square, square));
  }
  const sums = f32x4.add(f32x4.mul(second, v128.load(F32_BLUNT_C2)), f32x4.mul(third, v128.load(F32_BLUNT_C3)));
  return f32x4.add(sums, f32x4.mul(fourth, v128.load(F32_BLUNT_C4)));
}
