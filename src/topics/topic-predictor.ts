/** The study's block importance predictor (arXiv 2406.08155, section 2.5). */
export {
  type PredictedBlock,
  type Prediction,
  type PredictorOptions,
  trainPredictor,
} from "../compress/predictor/predictor.ts";
