// onnxruntime-web's MatMulNBits on its WebAssembly backend, one thread.
import { makeInputs, makeMatrix, SIZE, timeCall } from "./data.ts";
import { matMulNBits } from "./onnx.mjs";

let ort;
let session;

async function prepare({ groupSize, accuracyLevel }) {
  ort = await import("onnxruntime-web/wasm");
  Object.assign(ort.env.wasm, { numThreads: 1, simd: true });
  const shape = { inputs: SIZE, outputs: SIZE, groupSize, accuracyLevel };
  session = await ort.InferenceSession.create(matMulNBits({ ...shape, ...makeMatrix(groupSize) }), {
    executionProviders: ["wasm"],
  });
}

const feedsOf = (rows) => ({ x: new ort.Tensor("float32", makeInputs(rows), [rows, SIZE]) });

const calls = {
  prepare: ({ options }) => prepare(options),
  time({ test }) {
    const feeds = feedsOf(test);
    return timeCall(() => session.run(feeds));
  },
  result: async ({ test }) => (await session.run(feedsOf(test))).y.data,
};

export const agent = (order) => calls[order.call](order);
