/** Records an MLP that computes every token: that of a dense layer, or the shared experts. */
import type { Rows } from "../../../nn/emit.ts";
import { swiglu } from "../../../nn/mlp.ts";
import { add, scale } from "../../../nn/norm.ts";
import type { Mlp } from "../../weights/weight-tree.ts";
import { rowsOf } from "../state/pass-state.ts";
import type { Pass, Tap } from "./pass.ts";
import { projectDense } from "./project-dense.ts";

/** Records h += scale * mlp(x), the second half of a dense layer. */
export function* recordDense(pass: Pass, layer: number, mlp: Mlp, x: Rows, h: Rows): Generator<Tap, void> {
  const branch = rowsOf(pass.state.branch, pass.tokens, pass.config.hiddenSize);
  const shape = {
    layer,
    mlp,
    sites: ["dense", "denseDown"],
    width: pass.config.denseWidth,
    up: pass.state.up,
  } as const;
  yield* recordMlp(pass, shape, x, branch);
  scale(pass.emit, branch, pass.config.residualScale);
  add(pass.emit, h, branch);
}

/** An MLP that computes every token: the sites of its gate and its down projection, and the number of columns between them. */
export interface DenseMlp {
  readonly layer: number;
  readonly mlp: Mlp;
  readonly sites: readonly [Tap["site"], Tap["site"]];
  readonly width: number;
  /** Address of up's outputs. */
  readonly up: number;
}

/** Records out = down(silu(gate(x)) * up(x)) for all tokens, for dense layers and shared experts. */
export function* recordMlp(
  pass: Pass,
  { layer, mlp, sites, width, up: upPtr }: DenseMlp,
  x: Rows,
  out: Rows,
): Generator<Tap, void> {
  const gate = rowsOf(pass.state.gate, pass.tokens, width);
  const up = rowsOf(upPtr, pass.tokens, width);
  yield { site: sites[0], layer, linears: [mlp.gate, mlp.up], input: x };
  projectDense(pass, x, [mlp.gate, gate], [mlp.up, up]);
  swiglu(pass.emit, gate, up, pass.config.clampedSwiglu);
  yield { site: sites[1], layer, linears: [mlp.down], input: gate };
  projectDense(pass, gate, [mlp.down, out]);
}
