import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../src/index.ts";
import { collect } from "../../../src/runtime/generate.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { SIMPLE } from "./template.ts";

/** The repository's model with another generation_config.json. */
function openWith(generation: unknown) {
  const names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
  const files = names.map((name) => [name, readFileSync(repositoryFile(`models/fable-mixtral/${name}`))] as const);
  const config = new TextEncoder().encode(JSON.stringify(generation));
  return loadModel({ ...Object.fromEntries(files), "generation_config.json": config });
}

describe("generation_config.json", () => {
  it("says where a text ends, in its list of ids", async () => {
    const model = await openWith({ eos_token_id: [0] });
    const options = { temperature: 0, maxTokens: 12 };
    const { ids } = await collect(model.generate("Once upon a time", options));
    await model[Symbol.asyncDispose]();
    const end = ids[7];
    const other = await openWith({ eos_token_id: [0, end] });
    try {
      const stopped = await collect(other.generate("Once upon a time", options));
      expect(stopped.ids).toEqual(ids.slice(0, ids.indexOf(end)));
      expect(stopped.stopReason).toBe("eos");
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  it("recommends the sampling of a conversation, which options replace; a plain prompt is not touched by it", async () => {
    const model = await openWith({ do_sample: true, temperature: 0.3, top_k: 3 });
    try {
      const messages = [{ role: "user", content: "Once upon a time" }];
      const chatTemplate = await model.chatTemplate({ source: SIMPLE });
      const options = { maxTokens: 16, seed: 5 };
      const ids = async (more: object) =>
        (await collect(model.chat(messages, { ...options, chatTemplate, ...more }))).ids;
      expect(await ids({})).toEqual(await ids({ temperature: 0.3, topK: 3 }));
      expect(await ids({ temperature: 1.5, topK: 0 })).not.toEqual(await ids({}));
      const plain = async (more: object) => (await collect(model.generate("Once", { ...options, ...more }))).ids;
      expect(await plain({})).toEqual(await plain({ temperature: 1, topK: 0 }));
    } finally {
      await model[Symbol.asyncDispose]();
    }
  });
});
