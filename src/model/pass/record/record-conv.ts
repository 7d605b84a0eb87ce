/** Records the short convolution of one block (LFM2, arXiv:2511.23404), which mixes a token with the few before it. */
import { lastRows, type Rows } from "../../../nn/emit.ts";
import { add } from "../../../nn/norm.ts";
import { shortConv } from "../../../nn/short-conv.ts";
import type { ConvShape } from "../../config/model-config.ts";
import type { ConvWeights } from "../../weights/weight-tree.ts";
import { rowsOf } from "../state/pass-state.ts";
import { lastTokens, type Pass, type Tap } from "./pass.ts";
import { projectDense } from "./project-dense.ts";

/** Records h += convOut(c * conv(b * x')), where [b c x'] = convIn(x), the first half of a block. h has the rows of the last tokens of x, or of all. */
export function* recordConv(pass: Pass, layer: number, mixer: ConvWeights, x: Rows, h: Rows): Generator<Tap, void> {
  const { state, tokens, config, emit } = pass;
  const { convIn, convOut } = mixer.linears;
  const input = rowsOf(state.query, tokens, 3 * config.hiddenSize);
  const out = rowsOf(state.attended, tokens, config.hiddenSize);
  const branch = rowsOf(state.branch, h.rows, config.hiddenSize);
  yield { site: "attention", layer, linears: [convIn], input: x };
  projectDense(pass, x, [convIn, input]);
  const cached = { cache: state.cache[layer], places: state.places[layer], convRows: state.convRows };
  const { taps } = config.conv as ConvShape;
  shortConv(emit, { input, out, ...cached, filter: mixer.filter, bias: mixer.filterBias, taps });
  const mixed = lastRows(out, h.rows);
  yield { site: "output", layer, linears: [convOut], input: mixed };
  projectDense(lastTokens(pass, h.rows), mixed, [convOut, branch]);
  add(emit, h, branch);
}
