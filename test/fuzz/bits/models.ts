/** A small model of any family and width: calibrated, quantised and written, then read again to compute logits. */
import type { JsonObject } from "../../../src/base/json.ts";
import { type QuantizeOptions, quantize } from "../../../src/compress/run/make-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { Model, type OpenOptions, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { MADE_FAMILIES, madeFamilyFolder } from "../../helpers/made-family.ts";
import { allLogits } from "../../model/cases.ts";
import type { Dice } from "../dice.ts";
import { type Configuration, type Engine, hashOf, outcomeOf } from "./engines.ts";

const NAMES = Object.keys(MADE_FAMILIES);

/** A family's configuration with other widths. Latent attention has widths of its own, which groups of 64 do not fit. */
function drawFamily(dice: Dice): { readonly name: string; readonly unit: number; readonly json: JsonObject } {
  const name = dice.pick(NAMES);
  const made = MADE_FAMILIES[name];
  const unit = "kv_lora_rank" in made ? 32 : dice.pick([32, 64]);
  const width = () => unit * (1 + dice.below(3));
  const widths = ["intermediate_size", "moe_intermediate_size", "shared_expert_intermediate_size"];
  const changed = Object.fromEntries(widths.filter((key) => key in made).map((key) => [key, width()]));
  const json = { ...made, ...changed, hidden_size: 64 * (1 + dice.below(2)), vocab_size: 40 + dice.below(100) };
  return { name, unit, json };
}

function drawIds(dice: Dice, count: number, vocab: number): readonly number[] {
  return Array.from({ length: count }, () => dice.below(vocab));
}

function drawQuantizing(dice: Dice, unit: number, vocab: number): QuantizeOptions {
  const length = 8 + dice.below(40);
  const method = dice.chance(0.25) ? "rtn" : "gptq";
  return {
    bits: dice.pick([2, 3, 4, 8]),
    groupSize: dice.pick([32, unit, -1]),
    symmetric: dice.chance(0.5),
    clip: method === "rtn" ? dice.pick(["none", "mse"]) : dice.pick(["none", "mse", "hessian"]),
    method,
    ...(method === "rtn"
      ? {}
      : {
          ...{ actOrder: dice.pick(["none", "gar"] as const), staticGroups: dice.chance(0.5) },
          ...{ errorFeedback: dice.pick([0, 0, 0.5]), gateWeighted: dice.chance(0.3) },
          windows: Array.from({ length: 1 + dice.below(3) }, () => drawIds(dice, length, vocab)),
        }),
  };
}

/** The promise that `make` gave first. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

export function drawModel(dice: Dice): Configuration {
  const { name, unit, json } = drawFamily(dice);
  const vocab = json["vocab_size"] as number;
  const options = drawQuantizing(dice, unit, vocab);
  const activations = dice.pick(["f32", "int16", "int8"] as const);
  const ids = drawIds(dice, 1 + dice.below(40), vocab);
  const { windows, ...told } = options;
  const folder = once(() => madeFamilyFolder(json));
  return {
    title: JSON.stringify({ name, json, ...told, windows: windows?.length, activations, tokens: ids.length }),
    computeOn: (engine) =>
      outcomeOf(async () => {
        const float = await open(await folder(), engine, { activations: "f32" });
        const output = memoryOutput();
        await quantize(float, { ...options, output }).finally(() => float[Symbol.asyncDispose]());
        await using ground = await open(filesFolder("ground", Object.fromEntries(output.files)), engine, {
          activations,
        });
        return {
          file: hashOf(output.files.get("model.safetensors") as Uint8Array),
          logits: hashOf(await allLogits(ground, ids, { batch: engine.batch })),
        };
      }),
  };
}

async function open(folder: FolderSource, { kernels, threads }: Engine, options: OpenOptions): Promise<Model> {
  return Model.open(await readModelFiles(folder), await createMachine({ kernels, threads }), options);
}
