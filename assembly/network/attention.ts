// Attention over the key/value cache: rows of all heads' keys, and of their values, f32 or f16 (cache.ts).
//
// Tokens whose rows are neighbours in the cache are computed in blocks: a tile of rows is copied once and meets all queries of a block, two
// queries at a time. The order of sums is that of a single token, so the bits are too.
import { copyRows, widenRows } from "./cache";
import { divide, expRows, mixRows, mixTwoRows, scoreRows } from "./attention-rows";

/** Most tokens of a block. */
const TOKENS: i32 = 32;

/** Cache rows of a tile for one token, whose heads take turns, that are copied; four times as many that are not: few enough that memory is read in whole rows. */
const ROWS: i32 = 16;

/** Numbers of a tile for a block, unless ROWS rows are more: it stays in the processor's first cache while all queries meet it. */
const BLOCK_NUMBERS: i32 = 8192;

@inline function tileRows(tokens: i32, width: i32, half: bool): i32 { return tokens > 1 ? max(ROWS, (BLOCK_NUMBERS / width) & ~3) : half ? ROWS : 4 * ROWS; }

/** Scores held at once, unless one head alone has more: 256 KiB. */
const HELD_SCORES: i32 = 65536;

/** Columns of ROWS rows that are copied, unless one head alone has more. Their place is at the beginning of scratch: 64 KiB. */
const TILE_COLUMNS: i32 = 1024;

// Words of a call's shape.
@inline function headsOf(shape: usize): i32 { return load<i32>(shape); }
@inline function groupOf(shape: usize): i32 { return load<i32>(shape) / load<i32>(shape, 4); }
@inline function isHalf(shape: usize): bool { return load<i32>(shape, 24) != 0; }

/** The segment of token `token` of a block: its only one, or (one token) the one that is computed. */
@inline function segmentOf(tokens: i32, segment: usize, segments: usize, offsets: usize, token: i32): usize {
  return tokens == 1 ? segment : segments + (<usize>load<i32>(offsets + (<usize>token << 2)) << 3);
}

/** Whether rows of a tile are copied: they are narrower (f16), or used by many tokens, which read them faster when they lie side by side. */
@inline function isCopied(tokens: i32, shape: usize): bool { return tokens > 1 || isHalf(shape); }

/** Whether any token of a block sees one of the cache rows [row, end). */
function isSeen(tokens: i32, segment: usize, segments: usize, offsets: usize, row: i32, end: i32): bool {
  for (let token = 0; token < tokens; token++) {
    const seen = segmentOf(tokens, segment, segments, offsets, token);
    if (row < load<i32>(seen) + load<i32>(seen, 4) && end > load<i32>(seen)) return true;
  }
  return false;
}

/** Whether two segments begin with the same row and end at most one row apart: a score of one row more has room. */
@inline function areAlike(a: usize, b: usize): bool {
  return load<i32>(a) == load<i32>(b) && <u32>(load<i32>(a, 4) - load<i32>(b, 4) + 1) <= 2;
}

/**
 * pass 0: scores[token, head, r] = scale * (q[token, head] . k[r]) for the heads [from, to) of one key/value head and the rows of a tile,
 * [row, end), that a token sees. Scores of a token and head are `lds` bytes apart; up to three before the first and four behind the last are
 * overwritten. `k`: the first row's key of this head.
 * pass 1: y[token, head] += sum over those rows, ascending, of scores[token, head, r] * v[r]; `q` is y, `k` the first row's value.
 * Two tokens or heads that see nearly the same rows are computed at once; a row that only one of them sees is added by itself.
 */
function meetTile(
  pass: i32, k: usize, stride: usize, row: i32, end: i32, scores: usize, lds: usize, scoreHeads: i32, q: usize, ldq: i32, offsets: usize, segments: usize,
  segment: usize, tokens: i32, from: i32, to: i32, shape: usize,
): void {
  const width = load<i32>(shape + (pass == 0 ? 8 : 12));
  const factor = load<f32>(shape, 16);
  const heads = to - from;
  const count = tokens * heads;
  for (let i = 0; i < count; ) {
    const token = i / heads, head = i - token * heads;
    const nextToken = (i + 1) / heads, nextHead = i + 1 - nextToken * heads;
    const seen = segmentOf(tokens, segment, segments, offsets, token);
    const other = i + 1 < count ? segmentOf(tokens, segment, segments, offsets, nextToken) : 0;
    const isPair = other != 0 && areAlike(seen, other);
    const begin = load<i32>(seen), stop = begin + load<i32>(seen, 4);
    const stop1 = isPair ? begin + load<i32>(other, 4) : stop;
    const q0 = q + (<usize>(token * ldq + head * width) << 2);
    const q1 = isPair ? q + (<usize>(nextToken * ldq + nextHead * width) << 2) : 0;
    const s0 = scores + <usize>(token * scoreHeads + head) * lds - (<usize>begin << 2);
    const s1 = scores + <usize>(nextToken * scoreHeads + nextHead) * lds - (<usize>begin << 2);
    i += isPair ? 2 : 1;
    if (pass == 0) {
      const low = row + (max(0, begin - row) & ~3), rows = min(end, max(stop, stop1)) - low;
      if (rows > 0) scoreRows(s0 + (<usize>low << 2), s1 + (<usize>low << 2), q0, q1, k + <usize>(low - row) * stride, rows, stride, width, factor);
      continue;
    }
    const v = k - <usize>row * stride;
    let low = max(row, begin);
    if (isPair) {
      const high = min(end, min(stop, stop1));
      if (high > low) mixTwoRows(q0, q1, s0 + (<usize>low << 2), s1 + (<usize>low << 2), v + <usize>low * stride, high - low, stride, width);
      low = max(low, high);
      mixSome(q1, s1, v, stride, low, min(end, stop1), width);
    }
    mixSome(q0, s0, v, stride, low, min(end, stop), width);
  }
}

/** y += sum over the rows [low, high), ascending, of scores[r] * v[r]. */
function mixSome(y: usize, scores: usize, v: usize, stride: usize, low: i32, high: i32, width: i32): void {
  if (high > low) mixRows(y, scores + (<usize>low << 2), v + <usize>low * stride, high - low, stride, width);
}

/** Both passes over the rows [first, last) of a cache: `meetTile` for all tiles and all key/value heads of [from, to). */
function meetRows(
  pass: i32, tile: usize, cache: usize, scores: usize, lds: usize, q: usize, ldq: i32, offsets: usize, segments: usize, segment: usize,
  tokens: i32, first: i32, last: i32, from: i32, to: i32, shape: usize,
): void {
  const width = load<i32>(shape + (pass == 0 ? 8 : 12));
  const group = groupOf(shape);
  const kvHead = from / group;
  const half = isHalf(shape);
  const columns = ((to - 1) / group - kvHead + 1) * width;
  const all = load<i32>(shape, 4) * width;
  const cacheStride = <usize>all << (half ? 1 : 2);
  const stride = <usize>(isCopied(tokens, shape) ? columns : all) << 2;
  const step = tileRows(tokens, width, half);
  cache += <usize>(kvHead * width) << (half ? 1 : 2);
  for (let row = first; row < last; row += step) {
    const end = min(row + step, last);
    if (!isSeen(tokens, segment, segments, offsets, row, end)) continue;
    const at = cache + <usize>row * cacheStride;
    let k = tile;
    if (half) widenRows(tile, at, end - row, cacheStride, columns);
    else if (tokens > 1) copyRows(tile, at, end - row, cacheStride, columns);
    else k = at;
    for (let head = from, kv = kvHead + 1; head < to; kv++) {
      const next = min(to, kv * group);
      const s = scores + <usize>(head - from) * lds;
      meetTile(pass, k, stride, row, end, s, lds, to - from, q + (<usize>(head * width) << 2), ldq, offsets, segments, segment, tokens, head, next, shape);
      k += <usize>width << 2;
      head = next;
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
  const scores = scratch + (isCopied(tokens, shape) ? <usize>max(TILE_COLUMNS, max(load<i32>(shape, 8), width)) * ROWS * 4 : 0) + 16;
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
      if (pass == 0) meetRows(0, tile, keyCache, at, lds, q, ldq, offsets, segments, segment, tokens, first, last, from, to, shape);
      else meetRows(1, tile, valueCache, at, lds, y, ldy, offsets, segments, segment, tokens, first, last, from, to, shape);
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

/**
 * Number of tokens from the one of `offsets` on, at most `most`, that have one segment each, which shares rows with that of the first: tokens
 * of other sequences are faster by themselves, since no row is copied for them.
 */
function blockOf(offsets: usize, segments: usize, most: i32): i32 {
  const own = segmentOf(2, 0, segments, offsets, 0);
  let tokens = 0;
  for (; tokens < most && load<i32>(offsets + (<usize>tokens << 2), 4) == load<i32>(offsets + (<usize>tokens << 2)) + 1; tokens++) {
    const other = segmentOf(2, 0, segments, offsets, tokens);
    if (load<i32>(other) >= load<i32>(own) + load<i32>(own, 4) || load<i32>(own) >= load<i32>(other) + load<i32>(other, 4)) break;
  }
  return tokens;
}

/**
 * y[t, head] = softmax(scale * q[t, head] . K^T) V over the cache rows that token t sees; a unit is token * heads + head.
 * The rows are given as segments { first row, rows }, numbers offsets[t] to offsets[t + 1] - 1, in the order of their positions. Their
 * place in the cache does not change a bit. Query head h reads key/value head h / (heads / kvHeads).
 * shape: words { heads, kvHeads, keyWidth, valueWidth, f32 scale, address of sinks f32[heads] or 0, 1 for a cache of f16 }. The widths are
 * those of one head. A sink is the score of a row whose value is zero: it takes its part of the softmax and adds nothing.
 * Scratch: 64 KiB (64 times the width of a head if larger), and 256 KiB, or, if larger, 4 bytes for each visible row and 48 more.
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
    let tokens = from == 0 ? blockOf(at, segments, min(TOKENS, (last - unit) / heads)) : 0;
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
