/** Lists of linears with the shapes of the study's two models, and a small one. */
import type { PlanModule, PlanProjection, PlanRole } from "../../src/policy/bit-plan.ts";

interface Shape {
  readonly layers: number;
  readonly width: number;
  readonly kvWidth: number;
  readonly experts: number;
  readonly expertWidth: number;
  readonly sharedWidth: number;
  /** Width of the dense MLP of layer 0; 0 where that layer has experts too. */
  readonly denseWidth: number;
}

export const MIXTRAL_8X7B: Shape = {
  layers: 32,
  width: 4096,
  kvWidth: 1024,
  experts: 8,
  expertWidth: 14336,
  sharedWidth: 0,
  denseWidth: 0,
};

export const DEEPSEEK_MOE_16B: Shape = {
  layers: 28,
  width: 2048,
  kvWidth: 2048,
  experts: 64,
  expertWidth: 1408,
  sharedWidth: 2816,
  denseWidth: 10944,
};

/** Layer 0 dense, layers 1 to 3 with two experts and a shared one. */
export const SMALL: Shape = {
  layers: 4,
  width: 64,
  kvWidth: 32,
  experts: 2,
  expertWidth: 96,
  sharedWidth: 32,
  denseWidth: 128,
};

export function moeModules(shape: Shape): readonly PlanModule[] {
  const modules: PlanModule[] = [];
  for (let layer = 0; layer < shape.layers; layer++) {
    const add = (
      path: string,
      role: PlanRole,
      expert: number,
      projection: PlanProjection,
      rows: number,
      cols: number,
    ) =>
      modules.push({
        name: `model.layers.${layer}.${path}.${projection}_proj`,
        role,
        layer,
        expert,
        projection,
        rows,
        cols,
      });
    const mlp = (path: string, role: PlanRole, expert: number, width: number) => {
      add(path, role, expert, "gate", width, shape.width);
      add(path, role, expert, "up", width, shape.width);
      add(path, role, expert, "down", shape.width, width);
    };
    for (const projection of ["q", "o"] as const)
      add("self_attn", "attention", -1, projection, shape.width, shape.width);
    for (const projection of ["k", "v"] as const)
      add("self_attn", "attention", -1, projection, shape.kvWidth, shape.width);
    if (layer === 0 && shape.denseWidth > 0) {
      mlp("mlp", "dense", -1, shape.denseWidth);
      continue;
    }
    for (let expert = 0; expert < shape.experts; expert++)
      mlp(`mlp.experts.${expert}`, "expert", expert, shape.expertWidth);
    if (shape.sharedWidth > 0) mlp("mlp.shared_experts", "shared", -1, shape.sharedWidth);
  }
  return modules;
}
