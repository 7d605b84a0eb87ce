import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { optionsOf } from "../../../src/compress/quantize/quantize-linear.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import {
  clipSearchOf,
  LOW_BIT_GRID,
  type QuantizeSettings,
  quantizableLinears,
} from "../../../src/compress/recipe/settings.ts";
import { layerLinears } from "../../../src/model/weights/weight-tree.ts";
import type { Bits } from "../../../src/tensor/linear-shape.ts";
import { matricesOf } from "../../helpers/quantized.ts";
import { openTinyModel, tinyIds, tinySettings } from "../../helpers/tiny-model.ts";

describe("the clip search of a linear", () => {
  it.each<[QuantizeSettings["clip"], Bits, "gptq" | "rtn", string]>([
    ["auto", 2, "gptq", "mse"],
    ["auto", 3, "gptq", "hessian"],
    ["auto", 4, "gptq", "hessian"],
    ["auto", 8, "gptq", "hessian"],
    ["auto", 3, "rtn", "mse"],
    ["hessian", 2, "gptq", "hessian"],
    ["hessian", 2, "rtn", "mse"],
    ["mse", 3, "gptq", "mse"],
    ["none", 2, "gptq", "none"],
    ["none", 2, "rtn", "none"],
  ])("with clip %s at %i bits by %s is %s", (clip, bits, method, expected) => {
    expect(clipSearchOf({ clip }, bits, method)).toBe(expected);
  });

  it("goes by the width that a linear has, or by another that is asked for", async () => {
    await using model = await openTinyModel();
    const settings = tinySettings(model);
    const context = { model, settings, rtnLoss: false, turns: new Turns() };
    const [linear] = layerLinears(model.weights.layers[0]).filter(({ name }) => settings.modules.has(name));
    expect(settings.clip).toBe("auto");
    expect(optionsOf(context, linear)).toMatchObject({ bits: 4, clip: "hessian" });
    expect(optionsOf(context, linear, 2)).toMatchObject({ bits: 2, clip: "mse" });
  });

  it.each([
    [2, "mse", "hessian"],
    [3, "hessian", "mse"],
  ] as const)("by default gives at %i bits the codes of %s, not those of %s", async (bits, same, other) => {
    await using model = await openTinyModel();
    const windows = [tinyIds(64, 1), tinyIds(64, 2)];
    const given = tinySettings(model);
    const fitting = quantizableLinears(model.files).filter(({ rows, cols }) => rows % 32 === 0 && cols % 32 === 0);
    const modules = new Map(fitting.map(({ name }) => [name, { bits, groupSize: 32 }]));
    const codesWith = async (clip: QuantizeSettings["clip"]) => {
      const found = await matricesOf(await quantizeModel(model, { ...given, clip, modules }, { windows }));
      return [...found.values()].map(({ codes }) => Buffer.from(codes).toString("hex")).join(" ");
    };
    const found = await codesWith(LOW_BIT_GRID.clip);
    expect(found === (await codesWith(same))).toBe(true);
    expect(found === (await codesWith(other))).toBe(false);
  });
});
