// onnxruntime-web's 4-bit matmul beside Quern's: a vector and 64 rows times a matrix of 4096 x 4096.
import { startProcess } from "../hosts/process-host.mjs";
import { compareLogits } from "../measure/agreement.mjs";
import { interleave } from "../measure/interleave.mjs";

/** onnxruntime-web may keep its inputs as floats (accuracy level 0) or round them to int8 (4), as Quern does. */
const ENGINES = [
  { name: "Quern", engine: "matmul/quern.ts" },
  { name: "onnxruntime-web, float inputs", engine: "matmul/ort.mjs", accuracyLevel: 0 },
  { name: "onnxruntime-web, int8 inputs", engine: "matmul/ort.mjs", accuracyLevel: 4 },
];

/** Rows of the input. */
export const ROWS = [1, 64];

/** @returns milliseconds of each repetition by rows and engine, and how alike the results are to Quern's. */
export async function compareMatmul({ node, cores, runs, groupSize }) {
  const started = [];
  try {
    for (const { name, engine, accuracyLevel } of ENGINES) {
      const host = startProcess({ node, engine, cores });
      started.push({ name, host });
      await host.order({ call: "prepare", options: { groupSize, accuracyLevel } });
    }
    const answers = [];
    for (const { host } of started) answers.push(Array.from(await host.order({ call: "result", test: 1 })));
    const agreements = answers.slice(1).map((answer) => compareLogits(answers[0], answer).correlation);
    const times = await interleave(started, ROWS, { runs });
    const byRows = [...times].map(([test, byEngine]) => [test, Object.fromEntries(byEngine)]);
    return { groupSize, agreements, times: Object.fromEntries(byRows) };
  } finally {
    for (const { host } of started) await host.close();
  }
}
