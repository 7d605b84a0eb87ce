/** What quantising tells of each module. */
export interface ModuleReport {
  readonly name: string;
  readonly bits: number;
  readonly groupSize: number;
  /** 0.5 tr(D (H + lambda I) D^T) over the module's own calibration inputs; null where it was rounded without any. */
  readonly loss: number | null;
  /** The same for plain rounding on the same grid; null where nobody asked for it. */
  readonly rtnLoss: number | null;
  /** Calibration tokens that reached it. */
  readonly tokens: number;
  readonly method: "gptq" | "rtn";
  /** dampPercent that was needed; null without a Hessian. */
  readonly damp: number | null;
  /** Why it was not done as asked. */
  readonly note?: string;
}
