/** The open model in the page's head, and how far a new one is; opens the list of models. */
import { model, opening } from "../engine/model-state.ts";
import { bytesText } from "../parts/format.ts";

export function ModelChip({ onOpen }: { readonly onOpen: () => void }) {
  const next = opening.value;
  const current = model.value;
  const share = next?.step !== undefined && next.step.total > 0 ? next.step.done / next.step.total : undefined;
  const state = next !== undefined ? "loading" : current !== undefined ? "ready" : "none";
  return (
    <button type="button" class="chip" aria-haspopup="dialog" onClick={onOpen}>
      <i class={`dot ${state}`} aria-hidden="true" />
      <b>{next?.name ?? current?.name ?? "Open a model"}</b>
      {next !== undefined && (
        <span class="muted figure">{share === undefined ? "opening" : `${Math.round(100 * share)} %`}</span>
      )}
      {next === undefined && current !== undefined && (
        <span class="muted figure">{bytesText(current.worker.facts.trueBytes)}</span>
      )}
    </button>
  );
}
