// The suite in a page, whose server has the repository. Posts its results as JSON, or what went wrong.
import * as bench from "../../dist/bench.js";
import * as evaluation from "../../dist/evaluate.js";
import * as quantising from "../../dist/quantize.js";
import * as main from "../../dist/web.js";
import { runSuite } from "./suite.mjs";

const read = async (path) => {
  const response = await fetch(`/repository/${path}`);
  if (!response.ok) throw new Error(`${path}: found status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};
const post = (body) => fetch("/done", { method: "POST", body });

try {
  post(JSON.stringify(await runSuite({ ...main, ...bench, ...evaluation, ...quantising }, read)));
} catch (error) {
  post(`${error}\n${error.stack}`);
}
