// Lays activation rows out for the tile: its rows side by side, so that it reads one stream, and its loads have fixed offsets.
//
// For each activation group of a tile's rows: their scales (f32), their offsets (i32), then the values, four bytes of each row after the
// other. A second plane of values follows in the same way; then the offsets before the first are 0. Rows beyond the last are copies of it.
import { isWords, valueBytes } from "../common/bits";
import { rowAt } from "./table";

/** Rows of a tile: words need a register for their products, and four rows fit beside it; bytes are added up by one instruction. */
@inline export function tileRows<D>(): i32 { return isWords<D>() ? 4 : 6; }

/** Bytes of scales and offsets before the values of a plane. */
@inline export function metaBytes<D>(): usize { return <usize>(8 * tileRows<D>()); }

/** Bytes of a tile's rows of `n` columns. */
@inline export function laidBytes<D>(n: i32, actGroup: i32, planes: i32): usize {
  return <usize>planes * (<usize>((n + actGroup - 1) / actGroup) * metaBytes<D>() + <usize>(tileRows<D>() * n * valueBytes<D>()));
}

/** Writes 16 bytes of each row as four times four bytes of each. */
@inline function interleave<D>(to: usize, x0: usize, x1: usize, x2: usize, x3: usize, x4: usize, x5: usize): void {
  const step = <usize>(4 * tileRows<D>());
  let a = v128.load(x0), b = v128.load(x1), c = v128.load(x2), d = v128.load(x3);
  const low = i32x4.shuffle(a, b, 0, 4, 1, 5), high = i32x4.shuffle(a, b, 2, 6, 3, 7);
  a = i32x4.shuffle(c, d, 0, 4, 1, 5), b = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(low, a, 0, 2));
  v128.store(to + step, i64x2.shuffle(low, a, 1, 3));
  v128.store(to + 2 * step, i64x2.shuffle(high, b, 0, 2));
  v128.store(to + 3 * step, i64x2.shuffle(high, b, 1, 3));
  if (isWords<D>()) return;
  c = v128.load(x4), d = v128.load(x5);
  a = i32x4.shuffle(c, d, 0, 4, 1, 5), b = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store64_lane(to, a, 0, 16);
  v128.store64_lane(to + step, a, 1, 16);
  v128.store64_lane(to + 2 * step, b, 0, 16);
  v128.store64_lane(to + 3 * step, b, 1, 16);
}

/** Writes the scale and the offset of one row; `factor` times the sum of the codes is the offset. */
@inline function layMeta<D>(to: usize, meta: usize, factor: i32): void {
  store<f32>(to, load<f32>(meta));
  store<i32>(to + <usize>(4 * tileRows<D>()), load<i32>(meta, 4) * factor);
}

/**
 * Lays out `cols` columns of the rows at positions `start` to `start + count`. `values` and `meta` are their offsets in a record, in
 * bytes; planes are `planeStep` bytes apart.
 */
export function layRows<D>(to: usize, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, values: usize, meta: usize, cols: i32, actGroup: i32, factor: i32, planes: i32, planeStep: usize): void {
  const last = start + count - 1;
  for (let t = start; t <= last; t += tileRows<D>()) {
    const r0 = record + rowAt(index, t) * recordBytes;
    const r1 = record + rowAt(index, min(t + 1, last)) * recordBytes;
    const r2 = record + rowAt(index, min(t + 2, last)) * recordBytes;
    const r3 = record + rowAt(index, min(t + 3, last)) * recordBytes;
    const r4 = record + rowAt(index, min(t + 4, last)) * recordBytes;
    const r5 = record + rowAt(index, min(t + 5, last)) * recordBytes;
    let m = meta;
    for (let col = 0; col < cols; col += actGroup) {
      const bytes = <usize>(min(actGroup, cols - col) * valueBytes<D>());
      let at = values + <usize>(col * valueBytes<D>());
      for (let plane = planes; plane > 0; plane--) {
        const f = plane == 1 ? factor : 0;
        layMeta<D>(to, r0 + m, f);
        layMeta<D>(to + 4, r1 + m, f);
        layMeta<D>(to + 8, r2 + m, f);
        layMeta<D>(to + 12, r3 + m, f);
        if (!isWords<D>()) layMeta<D>(to + 16, r4 + m, f), layMeta<D>(to + 20, r5 + m, f);
        to += metaBytes<D>();
        for (let i: usize = 0; i < bytes; i += 16) {
          const from = at + i;
          interleave<D>(to, r0 + from, r1 + from, r2 + from, r3 + from, r4 + from, r5 + from);
          to += <usize>(16 * tileRows<D>());
        }
        at += planeStep;
      }
      m += 8;
    }
  }
}
