// Sums across lanes, in one order everywhere: (lane 0 + lane 2) + (lane 1 + lane 3).

@inline
export function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3))
  );
}

/** The sums of four vectors, each in the order of `sumLanes`. */
@inline
export function sumLanes4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** Loads the first `count` (1 to 3) floats at p; the other lanes are 0. */
@inline
export function loadPart(p: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(p);
  const two = v128.load64_zero(p);
  return count == 2 ? two : f32x4.replace_lane(two, 2, load<f32>(p, 8));
}

/** The least of four lanes that are numbers. */
@inline
export function leastLane(v: v128): f32 {
  const pair = f32x4.pmin(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmin(pair, v128.shuffle<f32>(pair, pair, 1, 0, 3, 2)), 0);
}
