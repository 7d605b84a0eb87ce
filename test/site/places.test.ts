import { describe, expect, it } from "vitest";
import { groupOrder, placeOf } from "../../site/src/bits/places.ts";

describe("placeOf", () => {
  it.each([
    ["model.layers.3.self_attn.k_proj", { layer: 3, group: "attention", projection: "k" }],
    ["model.layers.12.block_sparse_moe.experts.7.w2", { layer: 12, group: 7, projection: "down" }],
    ["model.layers.1.mlp.experts.15.up_proj", { layer: 1, group: 15, projection: "up" }],
    ["model.layers.1.mlp.shared_experts.gate_proj", { layer: 1, group: "shared", projection: "gate" }],
    ["model.layers.0.mlp.down_proj", { layer: 0, group: "dense", projection: "down" }],
    ["lm_head", undefined],
  ])("reads %s", (name, place) => {
    expect(placeOf(name)).toEqual(place);
  });

  it("has parts of a block before its experts", () => {
    const groups = [2, "shared", 0, "attention", "dense"] as const;
    expect([...groups].sort((a, b) => groupOrder(a) - groupOrder(b))).toEqual(["attention", "dense", "shared", 0, 2]);
  });
});
