/** Statistics from calibration: their parts, their file, sums of runs. */
export type { CalibrationIdentity } from "../compress/statistics/calibrate.ts";
export { type OutlierScore, outlierScores } from "../compress/statistics/outlier-scores.ts";
export {
  type BlockStatistics,
  type ExpertDistance,
  type ExpertPairs,
  type InputStatistics,
  inputOf,
  relativeDistance,
} from "../compress/statistics/statistics.ts";
export {
  readPartialStatistics,
  readStatistics,
  writePartialStatistics,
  writeStatistics,
} from "../compress/statistics/statistics-file.ts";
export { mergeStatistics } from "../compress/statistics/statistics-sum.ts";
export { removeTriangles, type Triangles } from "../compress/statistics/triangles.ts";
