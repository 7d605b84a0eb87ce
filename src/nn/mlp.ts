/** Records SwiGLU and the routing of experts: choosing experts, listing the tokens of each, and adding up their outputs by weight. */
import { f32Bits } from "../wasm/constants.ts";
import type { Emit, Rows } from "./emit.ts";

/** SwiGLU of gpt-oss: gate and up are limited, silu has a steeper sigmoid, and 1 is added to up. */
export interface ClampedSwiglu {
  readonly alpha: number;
  readonly limit: number;
}

/** gate = silu(gate) * up, in place; with limits if there are any. */
export function swiglu(emit: Emit, gate: Rows, up: Rows, clamped: ClampedSwiglu | null): void {
  if (clamped !== null) {
    const scalars = [f32Bits(clamped.alpha), f32Bits(clamped.limit)] as const;
    // biome-ignore format: one line a call
    emit.tape.call("swiglu_clamped_f32", gate.rows, 8 * gate.cols, gate.ptr, gate.ptr, up.ptr, gate.ld, gate.cols, ...scalars);
    return;
  }
  emit.tape.call("swiglu_f32", gate.rows, 8 * gate.cols, gate.ptr, gate.ptr, up.ptr, gate.ld, gate.cols);
}

/** Addresses of the results of routing for T tokens with k experts each. */
export interface Routes {
  /** i32 [T,k], likeliest first. */
  readonly experts: number;
  /** f32 [T,k]: the factor on each expert's output. */
  readonly weights: number;
  /** For each expert, `{ start, count }` of its compact rows. */
  readonly spans: number;
  /** i32 [T*k]: the token of each compact row. */
  readonly index: number;
  /** i32 [T,k]: the compact row of each choice. */
  readonly place: number;
}

/** How a token's experts and their weights follow from the router's logits. */
export interface RouterRule {
  /** Scores are the softmax over all experts' logits, or the sigmoid of each. They are the weights, and the largest are chosen. */
  readonly scoring: "softmax" | "sigmoid";
  /** Whether the chosen experts' weights are divided by their sum. */
  readonly renormalize: boolean;
  /** Factor on the weights after renormalisation. */
  readonly scale: number;
  /** Added to the sum by which weights are divided. Default 0. */
  readonly epsilon?: number;
  /** What else takes part in the choice. Default: nothing. */
  readonly choice?: ChoiceRule;
}

/** How experts are chosen, if not by their scores alone. */
export interface ChoiceRule {
  /** Whether a vector of the layer is added to the scores before the choice. */
  readonly biased: boolean;
  /** Experts form so many groups of equal size, in order. Only those of the best `topGroups` may be chosen. */
  readonly groups: number;
  readonly topGroups: number;
  /** A group's value is the sum of so many of its best experts' scores. */
  readonly groupBest: 1 | 2;
}

export interface RouterShape {
  readonly experts: number;
  readonly topK: number;
  readonly router: RouterRule;
}

/**
 * Chooses experts from router logits and lists the tokens of each expert.
 * @param logits with the address of the layer's bias f32 [E]; 0 for a rule without one.
 */
export function route(emit: Emit, shape: RouterShape, routes: Routes, logits: Rows & { readonly bias: number }): void {
  const { experts, topK, router } = shape;
  const tokens = logits.rows;
  const renormalize = router.renormalize ? 1 : 0;
  const scale = f32Bits(router.scale);
  const { tape } = emit;
  if (router.scoring === "softmax" && router.choice === undefined && router.epsilon === undefined) {
    // biome-ignore format: one line a call
    tape.call("route_f32", tokens, 16 * experts, routes.experts, routes.weights, logits.ptr, logits.ld, experts, topK, renormalize, scale);
  } else {
    const { groups = 1, topGroups = 1, groupBest = 1 } = router.choice ?? {};
    const sigmoid = router.scoring === "sigmoid" ? 1 : 0;
    const ends = [renormalize, f32Bits(router.epsilon ?? 0), scale];
    const words = emit.pool.intern([experts, topK, sigmoid, logits.bias, groups, topGroups, groupBest, ...ends]);
    tape.call("route_scored_f32", tokens, 24 * experts, routes.experts, routes.weights, logits.ptr, logits.ld, words);
  }
  // biome-ignore format: one line a call
  tape.call("group_tokens", 1, 4 * tokens * topK, routes.spans, routes.index, routes.place, routes.experts, tokens, topK, experts);
}

/** Outputs of the experts, to be added up by token. */
export interface ExpertOutputs {
  /** Compact rows of the routed experts. */
  readonly routed: { readonly ptr: number; readonly ld: number };
  readonly routes: Routes;
  readonly topK: number;
  /** Output of the shared experts, one row for each token; undefined if there are none. */
  readonly shared: Rows | undefined;
  /** Factor on the whole sum. */
  readonly scale: number;
}

/** y[t] *= sigmoid(gate[t]), where the gate has one column. */
export function scaleBySigmoid(emit: Emit, y: Rows, gate: Rows): void {
  emit.tape.call("sigmoid_scale_f32", y.rows, y.cols + 16, y.ptr, y.ld, gate.ptr, gate.ld, y.cols);
}

/** h += scale * (sum over chosen experts of weight * y, plus the shared experts' output). */
export function combine(emit: Emit, h: Rows, { routed: y, routes, topK, shared, scale }: ExpertOutputs): void {
  // biome-ignore format: one line a call
  emit.tape.call("combine_f32", h.rows, (topK + 2) * h.cols, h.ptr, h.ld, y.ptr, y.ld, routes.weights, routes.place, topK, h.cols, shared?.ptr ?? 0, shared?.ld ?? 0, f32Bits(scale));
}
