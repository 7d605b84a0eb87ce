/** Records the attention of one block. */
import { attend } from "../../../nn/attention.ts";
import type { Rows } from "../../../nn/emit.ts";
import { add, clamp, rmsNorm, rmsNormHeads, scale } from "../../../nn/norm.ts";
import type { AttentionWeights } from "../../weights/weight-tree.ts";
import { rowsOf } from "../state/pass-state.ts";
import { lastTokens, type Pass, type Tap } from "./pass.ts";
import { projectDense } from "./project-dense.ts";

/** Records h += scale * attention(x), the first half of a block. h has the rows of the last tokens of x, or of all. */
export function* recordAttention(
  pass: Pass,
  layer: number,
  mixer: AttentionWeights,
  x: Rows,
  h: Rows,
): Generator<Tap, void> {
  const { state, tokens, config, emit } = pass;
  const { linears } = mixer;
  const q = rowsOf(state.query, tokens, config.heads * config.headDim);
  const k = rowsOf(state.key, tokens, config.kvHeads * config.headDim);
  const v = rowsOf(state.value, tokens, config.kvHeads * config.valueDim);
  const attended = rowsOf(state.attended, h.rows, config.heads * config.valueDim);
  const branch = rowsOf(state.branch, h.rows, config.hiddenSize);
  yield { site: "attention", layer, linears: [linears.q, linears.k, linears.v], input: x };
  projectDense(pass, x, [linears.q, q], [linears.k, k], [linears.v, v]);
  prepareHeads(pass, mixer, { q, k, v });
  const cached = { cache: state.cache[layer], places: state.places[layer], ropeTable: state.ropeTable };
  attend(emit, config, { q, k, v, out: attended, ...cached, visible: pass.visible, sinks: mixer.sinks });
  yield { site: "output", layer, linears: [linears.o], input: attended };
  projectDense(lastTokens(pass, h.rows), attended, [linears.o, branch]);
  scale(emit, branch, config.residualScale);
  add(emit, h, branch);
}

interface Heads {
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
}

/** Records what a family does with queries, keys and values before RoPE: norms, then limits. */
function prepareHeads({ config, emit }: Pass, mixer: AttentionWeights, { q, k, v }: Heads): void {
  const { qkNorm, clipQkv, headDim, rmsNormEps } = config;
  const norms = [
    [q, mixer.normQuery],
    [k, mixer.normKey],
  ] as const;
  for (const [rows, weight] of norms) {
    if (qkNorm === "row") rmsNorm(emit, rows, rows, weight, rmsNormEps);
    if (qkNorm === "head") rmsNormHeads(emit, rows, weight, headDim, rmsNormEps);
  }
  if (clipQkv !== null) for (const rows of [q, k, v]) clamp(emit, rows, clipQkv);
}
