/** The config.json of written folders keeps the spelling of numbers: transformers 5 refuses integers in float fields. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { quantize } from "../../../src/compress/run/make-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { loadModel } from "../../../src/index.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const bytesOf = (name: string) => new Uint8Array(readFileSync(repositoryFile(`models/fable-mixtral/${name}`)));

describe("a written config.json", () => {
  it("has the floats of the source as floats, and its integers as integers", async () => {
    const source = new TextDecoder().decode(bytesOf("config.json"));
    const text = source.replace("{", '{ "hidden_dropout": 0.0, "classifier_dropout": 1e0,');
    await using model = await loadModel({
      "config.json": new TextEncoder().encode(text),
      "model.safetensors": bytesOf("model.safetensors"),
    });
    const output = memoryOutput();
    await quantize(model, { bits: 4, method: "rtn", clip: "none", output });
    const written = new TextDecoder().decode(output.files.get("config.json"));
    expect(written).toContain('"hidden_dropout": 0.0,');
    expect(written).toContain('"classifier_dropout": 1.0,');
    expect(written).toContain('"num_local_experts": 8,');
    expect(JSON.parse(written)).toMatchObject({ ...JSON.parse(text), quantization_config: { bits: 4 } });
  });
});
