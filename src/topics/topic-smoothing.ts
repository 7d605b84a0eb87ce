/** Makes activations easier to round: smoothed weights, and static scales. */
export { type SmoothedSite, type Smoothing, type SmoothOptions, smoothModel } from "../compress/smooth/smooth-model.ts";
export { type ScalesOptions, type StaticScales, staticScales } from "../compress/smooth/static-scales.ts";
export { writeSmoothed } from "../compress/smooth/write-smoothed.ts";
