import { expect, it } from "vitest";
import { explainMissing } from "../../../src/cli/session/optional-package.ts";

const explain = explainMissing("serve", "quern-server");

it.each([
  "Cannot find package 'quern-server' imported from /app/node_modules/quern/dist/chunks/serve.js",
  "Cannot find package 'quern-server/listen' from '/app/node_modules/quern/dist/chunks/serve.js'",
  'Relative import path "quern-server" not prefixed with / or ./ or ../',
])("says how a package is installed if it is not there: %s", (message) => {
  const expected = "serve: found no package quern-server, expected it beside quern: npm install quern-server";
  expect(() => explain(new Error(message))).toThrow(expected);
});

it("names what is installed with it", () => {
  const error = new Error("Cannot find package 'bullmq' imported from queue.js");
  expect(() => explainMissing("--queue", "bullmq pg")(error)).toThrow("found no package bullmq, expected it beside");
  expect(() => explainMissing("--queue", "bullmq pg")(error)).toThrow("npm install bullmq pg");
  const ofIts = new Error("Cannot find module 'ioredis'\nRequire stack:\n- /app/node_modules/bullmq/dist/cjs/index.js");
  const expected = "--queue: found no package ioredis, expected it beside quern: npm install bullmq ioredis";
  expect(() => explainMissing("--queue", "bullmq ioredis")(ofIts)).toThrow(expected);
});

it.each([
  "The requested module 'quern/chunks/core.js' does not provide an export named 'a'",
  "Cannot find module '/app/node_modules/quern/dist/chunks/old.js' imported from /app/node_modules/quern-server/index.js",
  "Cannot find package 'quern-server-types' imported from index.js",
])("leaves other failures as they are: %s", (message) => {
  const error = new Error(message);
  expect(() => explain(error)).toThrow(error);
});
