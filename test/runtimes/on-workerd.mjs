// The suite in workerd, where a service has the repository. Prints its results as one JSON line.
import * as bench from "../../dist/bench.js";
import * as evaluation from "../../dist/evaluate.js";
import * as quantising from "../../dist/quantize.js";
import * as main from "../../dist/workerd.js";
import { runSuite } from "./suite.mjs";

export default {
  async test(_, { repository }) {
    const read = async (path) => {
      const response = await repository.fetch(`http://repository/${path}`);
      if (!response.ok) throw new Error(`${path}: found status ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    };
    console.log(JSON.stringify(await runSuite({ ...main, ...bench, ...evaluation, ...quantising }, read)));
  },
};
