/** Grinding: the open model is quantised here, compared with itself, and both versions write. */
import { useEffect } from "preact/hooks";
import { model } from "../engine/model-state.ts";
import { Both } from "./both.tsx";
import { GrindFormView } from "./grind-form.tsx";
import { GrindProgress } from "./progress.tsx";
import { GrindResult } from "./result.tsx";
import { canGrind, forgetGround, ground, running } from "./state.ts";

export function GrindTab() {
  const open = model.value;
  useEffect(() => {
    // What was ground from another model goes with it.
    if (ground.value?.float !== open?.worker) forgetGround();
  }, [open]);
  return (
    <section class="page">
      <div class="lede">
        <h2>Grind it finer</h2>
        <p>
          Quantises the open model in this page by GPTQ, on text that the model writes itself, and measures what that
          changes.
        </p>
      </div>
      <div class="grind">
        <GrindFormView />
        <div class="cards outcome">
          {open !== undefined && !canGrind() && (
            <p class="muted">
              {open.name} is quantised already. Open a float model, such as fable-mixtral, to grind it.
            </p>
          )}
          {running.value !== undefined && <GrindProgress />}
          {running.value === undefined && ground.value === undefined && canGrind() && <Waiting />}
          {ground.value !== undefined && <GrindResult result={ground.value} />}
          {ground.value !== undefined && <Both result={ground.value} />}
        </div>
      </div>
    </section>
  );
}

function Waiting() {
  return (
    <div class="waiting muted">
      <p>
        Every weight becomes one of a few levels: with 3 bits, one of eight for each group of 64 weights. GPTQ rounds
        column by column and lets the columns that are left make up for what was lost. An expert is calibrated on the
        tokens that are sent to it.
      </p>
      <p>
        The result is measured here: average bits, the bytes of the whole file, and KL, how far its predictions of the
        next token are from the float model’s.
      </p>
    </div>
  );
}
