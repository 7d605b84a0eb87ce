/** Measuring: the product's own benchmark in this page, its hash, and what other machines measured. */
import { useEffect } from "preact/hooks";
import { model } from "../engine/model-state.ts";
import { Progress } from "../parts/facts.tsx";
import { Machines } from "./machines.tsx";
import { Results } from "./results.tsx";
import { cancelMeasuring, readStored, report, running, startMeasuring, stored } from "./state.ts";

export function MeasureTab() {
  useEffect(() => void readStored(), []);
  const name = model.value?.name;
  const step = running.value;
  const found = report.value;
  const start = (quick: boolean) => () => {
    if (model.value !== undefined) void startMeasuring(model.value, quick);
  };
  return (
    <section class="page">
      <div class="lede">
        <h2>How fast is it here?</h2>
        <p>
          Reads a prompt and writes tokens with the open model, beside what this machine’s memory and arithmetic can do.
          Other work on the machine slows it down.
        </p>
      </div>
      <div class="cards measure">
        <div class="row">
          <button
            type="button"
            class="button first"
            disabled={name === undefined || step !== undefined}
            onClick={start(true)}
          >
            Measure quickly
          </button>
          <button
            type="button"
            class="button"
            disabled={name === undefined || step !== undefined}
            onClick={start(false)}
          >
            Measure well
          </button>
          <button type="button" class="button" disabled={step === undefined} onClick={cancelMeasuring}>
            Cancel
          </button>
        </div>
        {step !== undefined && (
          <Progress
            label={step === "beginning" ? "Opening the model once more" : "Measuring"}
            share={step === "beginning" ? undefined : step.done / step.total}
            said={step === "beginning" ? "" : `${step.done} of ${step.total} ${step.unit}`}
          />
        )}
        {found !== undefined && <Results {...found} />}
        {stored.value !== undefined && (
          <Machines machines={stored.value.machines} here={found?.report} model={found?.model ?? name ?? ""} />
        )}
      </div>
    </section>
  );
}
