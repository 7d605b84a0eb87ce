/** Report on one quantised module. */
export interface ModuleReport {
  readonly name: string;
  readonly bits: number;
  readonly groupSize: number;
  /** 0.5 tr(D (H + lambda I) D^T) over the module's own calibration inputs; null if it was rounded without any. */
  readonly loss: number | null;
  /** The same for plain rounding on the same grid; null if it was not requested. */
  readonly rtnLoss: number | null;
  /** Calibration tokens that reached it. */
  readonly tokens: number;
  readonly method: "gptq" | "rtn";
  /** dampPercent that was needed; null without a Hessian. */
  readonly damp: number | null;
  /** Reason why it was not quantised as requested. */
  readonly note?: string;
}
