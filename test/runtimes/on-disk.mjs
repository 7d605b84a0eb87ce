// The suite on Node, Deno and Bun. Prints its results as one JSON line.
import { readFile } from "node:fs/promises";
import * as bench from "../../dist/bench.js";
import * as evaluation from "../../dist/evaluate.js";
import * as main from "../../dist/index.js";
import * as quantising from "../../dist/quantize.js";
import { runSuite } from "./suite.mjs";

const read = (path) => readFile(new URL(`../../${path}`, import.meta.url));
console.log(JSON.stringify(await runSuite({ ...main, ...bench, ...evaluation, ...quantising }, read)));
