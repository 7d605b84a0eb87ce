/** How far the grinding is: its phase in words, a bar, and the time that has passed. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Progress } from "../parts/facts.tsx";
import { bytesText, durationText } from "../parts/format.ts";
import { running } from "./state.ts";

const PHASES: Readonly<Record<string, string>> = {
  sample: "The model writes the text that it is calibrated on",
  calibrate: "Gathering what goes into every linear",
  outliers: "Looking for outliers",
  "expert use": "Counting which experts are used",
  alternatives: "Rounding every linear to every width",
  damage: "Measuring what each width costs",
  quantize: "Quantising block by block",
  compare: "Comparing with the float model",
};

export function GrindProgress() {
  const now = useSignal(performance.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = performance.now();
    }, 250);
    return () => clearInterval(timer);
  }, [now]);
  const { step, begun = 0 } = running.value ?? {};
  const share = step !== undefined && step.total > 0 ? step.done / step.total : undefined;
  const done =
    step === undefined
      ? ""
      : step.unit === "bytes"
        ? bytesText(step.done)
        : `${step.done} of ${step.total} ${step.unit}`;
  const said = [done, durationText(Math.max(0, now.value - begun))].filter((part) => part !== "").join(", ");
  return <Progress label={PHASES[step?.phase ?? ""] ?? step?.phase ?? "Beginning"} {...{ share, said }} />;
}
