// The suite in workerd, where a service has the repository. Prints its results as one JSON line.
import * as bench from "../../dist/bench.js";
import * as evaluation from "../../dist/evaluate.js";
import * as quantising from "../../dist/quantize.js";
import * as main from "../../dist/workerd.js";
import { runSuite } from "./suite.mjs";

const FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];
const pathOf = (name) => `models/fable-mixtral/${name}`;

let kept;

async function write(model) {
  let all = "";
  for await (const { text } of model.generate("The fox", { maxTokens: 12, temperature: 0 })) all += text;
  return all;
}

export default {
  /** One request fetches a model, and another one writes with it, whose tokenizer the first did not need. */
  async fetch(request, { repository }) {
    if (!request.url.endsWith("/load")) return new Response(await write(kept));
    const files = FILES.map((name) => [name, repository.fetch(`http://repository/${pathOf(name)}`)]);
    kept = await main.loadModel(Object.fromEntries(files));
    return new Response("loaded");
  },

  async test(_, { repository, self }) {
    const read = async (path) => {
      const response = await repository.fetch(`http://repository/${path}`);
      if (!response.ok) throw new Error(`${path}: found status ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    };
    const answer = async (name) => {
      const response = await self.fetch(`http://self/${name}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`${name}: found status ${response.status}: ${text}`);
      return text;
    };
    await answer("load");
    const text = await answer("write");
    const files = await Promise.all(FILES.map(async (file) => [file, await read(pathOf(file))]));
    await using model = await main.loadModel(Object.fromEntries(files));
    const expected = await write(model);
    if (text !== expected) throw new Error(`a model of responses wrote "${text}", expected "${expected}"`);
    console.log(JSON.stringify(await runSuite({ ...main, ...bench, ...evaluation, ...quantising }, read)));
  },
};
