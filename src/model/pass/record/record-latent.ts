/** Records the latent attention of one block (DeepSeek-V2, arXiv:2405.04434). The cache holds the keys and values of all heads. */
import { attendLatent } from "../../../nn/attention.ts";
import type { Rows } from "../../../nn/emit.ts";
import { add, rmsNorm } from "../../../nn/norm.ts";
import type { LatentShape } from "../../config/model-config.ts";
import type { Linear } from "../../weights/linears.ts";
import type { LatentWeights } from "../../weights/weight-tree.ts";
import { rowsOf } from "../state/pass-state.ts";
import { lastTokens, type Pass, type Tap } from "./pass.ts";
import { projectDense } from "./project-dense.ts";

/** The eps of the norms of latents, whatever the configuration says of the others. */
const LATENT_EPS = 1e-6;

/** Records h += attention(x), the first half of a block. h has the rows of the last tokens of x, or of all. */
export function* recordLatent(pass: Pass, layer: number, mixer: LatentWeights, x: Rows, h: Rows): Generator<Tap, void> {
  const { state, tokens, config, emit } = pass;
  const { heads, valueDim, rope } = config;
  const { rank, plain, queryRank } = config.latent as LatentShape;
  const { kvDown, kvUp, o, q: straight, qDown, qUp } = mixer.linears;
  const q = rowsOf(state.query, tokens, heads * config.headDim);
  const low = rowsOf(state.low, tokens, rank + rope.rotaryDim);
  const queryLow = rowsOf(state.queryLow, tokens, queryRank ?? 0);
  const expanded = rowsOf(state.value, tokens, heads * (plain + valueDim));
  const attended = rowsOf(state.attended, h.rows, heads * valueDim);
  const branch = rowsOf(state.branch, h.rows, config.hiddenSize);
  const [first, firstOut] = straight === undefined ? [qDown as Linear, queryLow] : [straight, q];
  yield { site: "attention", layer, linears: [first, kvDown], input: x };
  projectDense(pass, x, [first, firstOut], [kvDown, low]);
  if (straight === undefined) {
    rmsNorm(emit, queryLow, queryLow, mixer.normQuery, LATENT_EPS);
    yield { site: "queryLatent", layer, linears: [qUp as Linear], input: queryLow };
    projectDense(pass, queryLow, [qUp as Linear, q]);
  }
  const latent = { ...low, cols: rank };
  rmsNorm(emit, latent, latent, mixer.normKey, LATENT_EPS);
  yield { site: "keyLatent", layer, linears: [kvUp], input: latent };
  projectDense(pass, latent, [kvUp, expanded]);
  const shared = { ...low, ptr: low.ptr + 4 * rank, cols: rope.rotaryDim };
  const cached = { cache: state.cache[layer], places: state.places[layer], ropeTable: state.ropeTable };
  attendLatent(emit, config, { q, shared, expanded, out: attended, ...cached, visible: pass.visible });
  yield { site: "output", layer, linears: [o], input: attended };
  projectDense(lastTokens(pass, h.rows), attended, [o, branch]);
  add(emit, h, branch);
}
