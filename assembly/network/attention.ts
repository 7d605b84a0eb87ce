// Attention over the key/value cache: rows of all heads' keys, and of their values, f32 or f16 (cache.ts).
//
// Tokens whose rows are neighbours in the cache are computed in blocks, so that keys and values are read once for a block. The order of
// sums is that of a single token, so the bits are too.
import { widenRows } from "./cache";
import { divide, dot4, expRows, mixRows, storeTwoDots } from "./attention-rows";

/** Most tokens of a block. */
const TOKENS: i32 = 8;

/** Cache rows of a tile for one token, whose heads take turns: few enough that memory is read in whole rows. */
const ROWS: i32 = 8;

/** Cache rows of a tile for a block, unless heads are wider than BLOCK_WIDTH. */
const BLOCK_ROWS: i32 = 32;
const BLOCK_WIDTH: i32 = 512;

@inline function tileRows(tokens: i32, width: i32): i32 { return tokens > 1 && width <= BLOCK_WIDTH ? BLOCK_ROWS : ROWS; }

/** Scores held at once, unless one head alone has more: 256 KiB. */
const HELD_SCORES: i32 = 65536;

/** Columns of a tile of f16 that is widened, unless one head alone has more. Its place is at the beginning of scratch: 64 KiB. */
const TILE_COLUMNS: i32 = 2048;

// Words of a call's shape.
@inline function headsOf(shape: usize): i32 { return load<i32>(shape); }
@inline function groupOf(shape: usize): i32 { return load<i32>(shape) / load<i32>(shape, 4); }
@inline function isHalf(shape: usize): bool { return load<i32>(shape, 24) != 0; }

/** The segment of token `token` of a block: its only one, or (one token) the one that is computed. */
@inline function segmentOf(tokens: i32, segment: usize, segments: usize, offsets: usize, token: i32): usize {
  return tokens == 1 ? segment : segments + (<usize>load<i32>(offsets + (<usize>token << 2)) << 3);
}

/** Address of rows [row, row + rows) of the cache for heads [from, to) as f32, `tileStride` bytes apart; those of f16 are written to `tile`. */
function tileOf(tile: usize, cache: usize, row: i32, rows: i32, width: i32, shape: usize, from: i32, to: i32): usize {
  const group = groupOf(shape);
  const all = load<i32>(shape, 4) * width;
  const at = <usize>row * all + <usize>(from / group * width);
  if (!isHalf(shape)) return cache + (at << 2);
  widenRows(tile, cache + (at << 1), rows, <usize>all << 1, tileColumns(width, group, from, to));
  return tile;
}

@inline function tileColumns(width: i32, group: i32, from: i32, to: i32): i32 { return ((to - 1) / group - from / group + 1) * width; }

@inline function tileStride(width: i32, shape: usize, from: i32, to: i32): usize {
  return <usize>(isHalf(shape) ? tileColumns(width, groupOf(shape), from, to) : load<i32>(shape, 4) * width) << 2;
}

/** Whether a segment has any of the four cache rows from `row` on. */
@inline function sees(segment: usize, row: i32): bool {
  const first = load<i32>(segment);
  return row + 4 > first && row < first + load<i32>(segment, 4);
}

/**
 * scores[token, head, r] = scale * (q[token, head] . k[r]) for heads [from, to) and the rows of one segment. Scores of a token and head are
 * `lds` bytes apart; up to three before the first and behind the last are overwritten.
 */
function scoreBlock(
  tile: usize, scores: usize, lds: usize, q: usize, ldq: i32, keyCache: usize, offsets: usize, segments: usize, segment: usize,
  tokens: i32, first: i32, last: i32, from: i32, to: i32, shape: usize,
): void {
  const width = load<i32>(shape, 8);
  const factor = v128.load32_splat(shape, 16);
  const group = groupOf(shape);
  const stride = tileStride(width, shape, from, to);
  const step = tileRows(tokens, width);
  for (let row = first; row < last; row += step) {
    const rows = min(step, last - row);
    const k = tileOf(tile, keyCache, row, rows, width, shape, from, to);
    const lastRow = k + <usize>(rows - 1) * stride;
    for (let four = 0; four < rows; four += 4) {
      const k0 = k + <usize>four * stride;
      // Past the end, the last row is used again, so that the sum of a row never depends on its neighbours.
      const k1 = min(k0 + stride, lastRow);
      const k2 = min(k0 + 2 * stride, lastRow);
      const k3 = min(k0 + 3 * stride, lastRow);
      const at = row + four;
      for (let head = from; head < to; head++) {
        const k = <usize>((head / group - from / group) * width) << 2;
        const isPair = tokens == 1 && head + 1 < to && (head + 1) / group == head / group;
        for (let token = 0; token < tokens; token++) {
          const seen = segmentOf(tokens, segment, segments, offsets, token);
          if (!sees(seen, at)) continue;
          const query = q + (<usize>(token * ldq + head * width) << 2);
          const to4 = scores + <usize>(token * (to - from) + head - from) * lds + (<usize>(at - load<i32>(seen)) << 2);
          const other = isPair ? segment : segmentOf(tokens, segment, segments, offsets, min(token + 1, tokens - 1));
          if ((width & 3) == 0 && (isPair || (token + 1 < tokens && sees(other, at)))) {
            const query1 = query + (<usize>(isPair ? width : ldq) << 2);
            const to5 = to4 + (isPair ? lds : <usize>(to - from) * lds + (<usize>(load<i32>(seen) - load<i32>(other)) << 2));
            storeTwoDots(to4, to5, query, query1, k0 + k, k1 + k, k2 + k, k3 + k, width, factor);
            token++;
          } else v128.store(to4, f32x4.mul(dot4(query, k0 + k, k1 + k, k2 + k, k3 + k, width), factor));
        }
        if (isPair && (width & 3) == 0) head++;
      }
    }
  }
}

/** y[token, head] += sum over the rows of one segment, ascending, of scores[token, head, r] * v[r]; arguments as above. */
function mixBlock(
  tile: usize, scores: usize, lds: usize, y: usize, ldy: i32, valueCache: usize, offsets: usize, segments: usize, segment: usize,
  tokens: i32, first: i32, last: i32, from: i32, to: i32, shape: usize,
): void {
  const width = load<i32>(shape, 12);
  const group = groupOf(shape);
  const stride = tileStride(width, shape, from, to);
  const step = tileRows(tokens, width);
  for (let row = first; row < last; row += step) {
    const v = tileOf(tile, valueCache, row, min(step, last - row), width, shape, from, to);
    let p = scores;
    for (let token = 0; token < tokens; token++) {
      const seen = segmentOf(tokens, segment, segments, offsets, token);
      const begin = load<i32>(seen);
      const low = max(row, begin);
      const rows = min(row + step, begin + load<i32>(seen, 4)) - low;
      for (let head = from; head < to; head++) {
        const at = <usize>(low - row) * stride + (<usize>((head / group - from / group) * width) << 2);
        if (rows > 0) mixRows(y + (<usize>(token * ldy + head * width) << 2), p + (<usize>(low - begin) << 2), v + at, rows, stride, width);
        p += lds;
      }
    }
  }
}

/** Rows of token `token`. */
function rowsOf(offsets: usize, segments: usize, token: i32): i32 {
  let count = 0;
  const end = load<i32>(offsets + (<usize>token << 2), 4);
  for (let at = load<i32>(offsets + (<usize>token << 2)); at < end; at++) count += load<i32>(segments + (<usize>at << 3), 4);
  return count;
}

/** Bytes between the scores of two heads: four before the first, and room for a multiple of four and four more. */
@inline function scoreBytes(count: i32): usize { return <usize>(((count + 3) & ~3) + 8) << 2; }

/** y[token, head] of a block of tokens that have one segment each, or of one token, for heads [from, to). */
function attendBlock(
  scratch: usize, y: usize, ldy: i32, q: usize, ldq: i32, keyCache: usize, valueCache: usize, offsets: usize, segments: usize,
  tokens: i32, most: i32, from: i32, to: i32, shape: usize,
): void {
  const lds = scoreBytes(most);
  const width = load<i32>(shape, 12);
  const sinks = <usize>load<u32>(shape, 20);
  const tile = scratch;
  const scores = scratch + (isHalf(shape) ? <usize>max(TILE_COLUMNS, max(load<i32>(shape, 8), width)) * ROWS * 4 : 0) + 16;
  const heads = to - from;
  const begin = segments + (<usize>load<i32>(offsets) << 3);
  const end = tokens == 1 ? segments + (<usize>load<i32>(offsets, 4) << 3) : begin + 8;
  for (let token = 0; token < tokens; token++) memory.fill(y + (<usize>(token * ldy + from * width) << 2), 0, <usize>(heads * width) << 2);
  for (let pass = 0; pass < 2; pass++) {
    let at = scores;
    for (let segment = begin; segment < end; segment += 8) {
      let first = load<i32>(segment);
      let last = first + load<i32>(segment, 4);
      for (let token = 1; token < tokens; token++) {
        const other = segmentOf(tokens, segment, segments, offsets, token);
        first = min(first, load<i32>(other));
        last = max(last, load<i32>(other) + load<i32>(other, 4));
      }
      if (pass == 0) scoreBlock(tile, at, lds, q, ldq, keyCache, offsets, segments, segment, tokens, first, last, from, to, shape);
      else mixBlock(tile, at, lds, y, ldy, valueCache, offsets, segments, segment, tokens, first, last, from, to, shape);
      at += <usize>load<i32>(segment, 4) << 2;
    }
    at = scores;
    for (let token = 0; token < tokens; token++) {
      const count = rowsOf(offsets, segments, token);
      for (let head = from; head < to; head++) {
        const sum = at + lds - 32;
        if (pass == 0) store<f32>(sum, expRows(at, count, sinks ? sinks + (<usize>head << 2) : 0));
        else divide(y + (<usize>(token * ldy + head * width) << 2), width, load<f32>(sum));
        at += lds;
      }
    }
  }
}

/** Number of tokens from the one of `offsets` on, at most `most`, that have one segment each. */
function blockOf(offsets: usize, most: i32): i32 {
  let tokens = 0;
  while (tokens < most && load<i32>(offsets + (<usize>tokens << 2), 4) == load<i32>(offsets + (<usize>tokens << 2)) + 1) tokens++;
  return tokens;
}

/**
 * y[t, head] = softmax(scale * q[t, head] . K^T) V over the cache rows that token t sees; a unit is token * heads + head.
 * The rows are given as segments { first row, rows }, numbers offsets[t] to offsets[t + 1] - 1, in the order of their positions. Their
 * place in the cache does not change a bit. Query head h reads key/value head h / (heads / kvHeads).
 * shape: words { heads, kvHeads, keyWidth, valueWidth, f32 scale, address of sinks f32[heads] or 0, 1 for a cache of f16 }. The widths are
 * those of one head. A sink is the score of a row whose value is zero: it takes its part of the softmax and adds nothing.
 * Scratch: 64 KiB (f16; 32 times the width of a head if larger), and 256 KiB, or, if larger, 4 bytes for each visible row and 48 more.
 */
export function attend(
  first: i32, last: i32, scratch: usize,
  y: usize, ldy: i32, q: usize, ldq: i32, keyCache: usize, valueCache: usize, offsets: usize, segments: usize, shape: usize,
): void {
  const heads = headsOf(shape);
  const group = groupOf(shape);
  const columns = max(load<i32>(shape, 8), load<i32>(shape, 12));
  for (let unit = first; unit < last; ) {
    const token = unit / heads;
    const from = unit - token * heads;
    const at = offsets + (<usize>token << 2);
    const out = y + (<usize>token * ldy << 2);
    const query = q + (<usize>token * ldq << 2);
    let tokens = from == 0 ? blockOf(at, min(TOKENS, (last - unit) / heads)) : 0;
    let most = rowsOf(at, segments, 0);
    for (let other = 1; other < tokens; other++) most = max(most, rowsOf(at, segments, other));
    tokens = min(tokens, <i32>(<usize>(HELD_SCORES / group) / (scoreBytes(most) >> 2)));
    if (tokens > 1) {
      for (let head = 0; head < heads; head += group) {
        attendBlock(scratch, out, ldy, query, ldq, keyCache, valueCache, at, segments, tokens, most, head, head + group, shape);
      }
      unit += tokens * heads;
    } else {
      most = rowsOf(at, segments, 0);
      let to = min(min(heads, from + last - unit), from + max(1, HELD_SCORES / <i32>(scoreBytes(most) >> 2)));
      if (isHalf(shape)) to = min(to, (from / group + max(1, TILE_COLUMNS / columns)) * group);
      if (most > 0) attendBlock(scratch, out, ldy, query, ldq, keyCache, valueCache, at, segments, 1, most, from, to, shape);
      unit += to - from;
    }
  }
}
