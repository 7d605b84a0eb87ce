/** The engine in a real worker thread: another thread of the engine's own may run beside it, and its end is told. */
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { WorkerError } from "../../src/base/errors.ts";
import { loadModel } from "../../src/index.ts";
import { connect } from "../../src/worker.ts";
import { builtModule } from "../helpers/built-module.ts";
import { repositoryFile } from "../helpers/shared.ts";

const HOME = repositoryFile("models/fable-mixtral");
const OPTIONS = { maxTokens: 16, temperature: 0.8, seed: 3 };

it("writes in a worker thread what the library writes here, and says when the thread has ended", async () => {
  const worker = new Worker(builtModule("test/worker/node-worker.ts"));
  const engine = connect(worker);
  const model = await engine.load(HOME, { threads: 2 });
  expect(model.engine.threads).toBe(2);
  let text = "";
  for await (const piece of model.generate("Once", OPTIONS)) text += piece.text;
  const direct = await loadModel(HOME);
  let expected = "";
  for await (const piece of direct.generate("Once", OPTIONS)) expected += piece.text;
  await direct[Symbol.asyncDispose]();
  expect(text).toBe(expected);
  const waiting = expect(model.quantize({ bits: 4, self: true })).rejects.toBeInstanceOf(WorkerError);
  await worker.terminate();
  await waiting;
  await expect(engine.facts()).rejects.toThrow(/`connect` takes a new worker/);
}, 60_000);
