/** Records the routed experts of one block, and its shared experts. */
import type { Rows } from "../../../nn/emit.ts";
import { project, type Target } from "../../../nn/linear.ts";
import { combine, route, scaleBySigmoid, swiglu } from "../../../nn/mlp.ts";
import type { Linear } from "../../weights/linears.ts";
import type { LayerWeights } from "../../weights/weight-tree.ts";
import { rowsOf } from "../state/pass-state.ts";
import type { Pass, Tap } from "./pass.ts";
import { projectDense, scalesOf } from "./project-dense.ts";
import { recordMlp } from "./record-mlp.ts";

/** Records h += scale * (routed experts(x) + shared experts(x)), the second half of a MoE layer. */
export function* recordExperts(
  pass: Pass,
  layer: number,
  weights: LayerWeights & { readonly router: Linear },
  x: Rows,
  h: Rows,
): Generator<Tap, void> {
  const { router, sharedGate } = weights;
  const { state, tokens, config, emit } = pass;
  const routes = state.routes[layer];
  const rows = tokens * config.topK;
  yield { site: "router", layer, linears: sharedGate === undefined ? [router] : [router, sharedGate], input: x };
  const logits = rowsOf(state.routerLogits, tokens, config.experts);
  projectDense(pass, x, [router, logits]);
  if (sharedGate !== undefined) projectDense(pass, x, [sharedGate, rowsOf(state.sharedGate, tokens, 1)]);
  route(emit, config, routes, { ...logits, bias: weights.routerBias });
  const gate = rowsOf(state.gate, rows, config.expertWidth);
  const up = rowsOf(state.up, rows, config.expertWidth);
  const down = rowsOf(state.down, rows, config.hiddenSize);
  const outputs: Partial<Record<Linear["projection"], Rows>> = { gate, up, down };
  const to = ({ matrix, bias, expert, projection }: Linear): Target => {
    return { matrix, bias, span: routes.spans + 8 * expert, out: (outputs[projection] as Rows).ptr };
  };
  const gates = weights.experts.map((mlp) => mlp.gate);
  const ups = weights.experts.map((mlp) => mlp.up);
  const downs = weights.experts.map((mlp) => mlp.down);
  const { spans, index } = routes;
  for (const part of inParts({ site: "experts", layer, linears: [...gates, ...ups], input: x, spans, index })) {
    if (isTap(part)) yield part;
    else project(emit, { input: x, index, targets: part.map(to), rows: 2 * rows, scales: scalesOf(pass, gates[0]) });
  }
  swiglu(emit, gate, up, config.clampedSwiglu);
  for (const part of inParts({ site: "expertsDown", layer, linears: downs, input: gate, spans, index: 0 })) {
    if (isTap(part)) yield part;
    else project(emit, { input: gate, index: 0, targets: part.map(to), rows, scales: scalesOf(pass, downs[0]) });
  }
  const shared = yield* recordShared(pass, layer, weights, x);
  combine(emit, h, { routed: down, routes, topK: config.topK, shared, scale: config.residualScale });
}

/** The tap, then its linears; or each of its parts, as a tap and as linears. */
function* inParts(tap: Tap): Generator<Tap | readonly Linear[], void> {
  yield tap;
  if (tap.parts === undefined) yield tap.linears;
  else for (const linears of tap.parts) yield* [{ ...tap, site: "part", linears, parts: undefined } as const, linears];
}

function isTap(part: Tap | readonly Linear[]): part is Tap {
  return "site" in part;
}

/** Records the shared experts, and their gate if there is one. @returns their output; undefined if the layer has none. */
function* recordShared(
  pass: Pass,
  layer: number,
  { shared: mlp, sharedGate }: LayerWeights,
  x: Rows,
): Generator<Tap, Rows | undefined> {
  if (mlp === undefined) return undefined;
  const { state, tokens, config, emit } = pass;
  const out = rowsOf(state.branch, tokens, config.hiddenSize);
  const shape = { layer, mlp, sites: ["shared", "sharedDown"], width: config.sharedWidth, up: state.sharedUp } as const;
  yield* recordMlp(pass, shape, x, out);
  // The router's step has computed the gate.
  if (sharedGate !== undefined) scaleBySigmoid(emit, out, rowsOf(state.sharedGate, tokens, 1));
  return out;
}
