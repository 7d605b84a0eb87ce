/** Evaluations as documents, and comparisons with an earlier one. */
export {
  type BaselineRow,
  type BaselineSamples,
  compareWithBaseline,
  readBaseline,
} from "../eval/evaluation/baseline.ts";
export { type HarnessDocument, harnessDocument } from "../eval/evaluation/harness-document.ts";
