/** Writing: a prompt, the text as it comes, and the experts that each token went through. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { RoutedPiece } from "../../../src/worker.ts";
import { model, opening } from "../engine/model-state.ts";
import type { Sampling } from "../engine/wishes.ts";
import { Facts, Progress } from "../parts/facts.tsx";
import { Field } from "../parts/fields.tsx";
import { bytesText, countText, digits, durationText, percentText } from "../parts/format.ts";
import { ExpertMill } from "./expert-mill.tsx";
import { FIRST_SAMPLING, SamplingControls } from "./sampling-controls.tsx";
import { Story } from "./story.tsx";
import { Writing } from "./writing.ts";

const writing = new Writing();
const prompt = signal("Once upon a time");
const sampling = signal<Sampling>(FIRST_SAMPLING);

export function WriteTab() {
  const layer = useSignal(-1);
  const selected = useSignal<number | undefined>(undefined);
  const open = model.value;
  useEffect(() => {
    writing.clear();
    selected.value = undefined;
    layer.value = -1;
    if (open !== undefined) void writing.start(open.worker, { prompt: prompt.value, sampling: sampling.value });
  }, [open, selected, layer]);
  const tokens = writing.tokens.value;
  const layers = tokens[0]?.routes.map((route) => route.layer) ?? [];
  const shown = layers.includes(layer.value) ? layer.value : (layers.at(-1) ?? -1);
  const marked = selected.value === undefined ? tokens.at(-2) : tokens[selected.value];
  return (
    <section class="page write">
      <h2 class="unseen">Write</h2>
      <div class="desk">
        <Desk />
        <div class="sheet-of-text">
          {opening.value !== undefined && tokens.length === 0 ? (
            <OpeningText />
          ) : (
            <Story
              label="The text, token by token"
              prompt={writing.prompt.value}
              {...{ tokens }}
              experts={model.value?.worker.facts.experts ?? 0}
              layer={shown}
              selected={selected.value}
              onSelect={(index) => {
                selected.value = index;
              }}
              isWriting={writing.isRunning.value}
            />
          )}
        </div>
        <Speed />
      </div>
      <aside class="side">
        <div>
          <h3>Experts</h3>
          {model.value?.worker.facts.experts === 0 ? (
            <p class="muted small">This model has no experts: every token goes through all its weights.</p>
          ) : (
            <>
              <ExpertMill
                tokens={tokens}
                experts={model.value?.worker.facts.experts ?? 0}
                marked={marked}
                layer={shown}
                onLayer={(value) => {
                  layer.value = value;
                }}
              />
              <p class="muted detail">{tokenText(marked, selected.value, shown)}</p>
            </>
          )}
        </div>
        <div>
          <h3>Sampling</h3>
          <SamplingControls sampling={sampling} />
        </div>
      </aside>
    </section>
  );
}

function Desk() {
  const isRunning = writing.isRunning.value;
  const start = (event?: Event) => {
    event?.preventDefault();
    if (model.value !== undefined)
      void writing.start(model.value.worker, { prompt: prompt.value, sampling: sampling.value });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start(event);
  };
  return (
    <form class="desk" onSubmit={start}>
      <Field label="Beginning">
        {(id) => (
          <textarea
            id={id}
            rows={2}
            value={prompt.value}
            onKeyDown={onKeyDown}
            onInput={(event) => {
              prompt.value = event.currentTarget.value;
            }}
          />
        )}
      </Field>
      <div class="row">
        <button type="submit" class="button first" disabled={model.value === undefined || prompt.value === ""}>
          Write
        </button>
        <button type="button" class="button" disabled={!isRunning} onClick={() => writing.stop()}>
          Stop
        </button>
        <button
          type="button"
          class="button"
          disabled={model.value === undefined}
          onClick={() => {
            sampling.value = { ...sampling.value, seed: sampling.value.seed + 1 };
            start();
          }}
        >
          Another
        </button>
      </div>
    </form>
  );
}

function OpeningText() {
  const { name = "", step } = opening.value ?? {};
  const share = step !== undefined && step.total > 0 ? step.done / step.total : undefined;
  const said =
    step === undefined
      ? ""
      : step.unit === "bytes"
        ? `${bytesText(step.done)} of ${bytesText(step.total)}`
        : `${step.done} of ${step.total}`;
  return <Progress label={`Opening ${name}`} {...{ share, said }} />;
}

function Speed() {
  const { value: result } = writing.result;
  const first = writing.firstToken.value;
  const count = writing.tokens.value.length;
  if (first === undefined) return <div class="said-of" />;
  return (
    <div class="said-of">
      <Facts
        facts={[
          ...(result === undefined
            ? []
            : [{ name: "while writing", value: digits(result.timings.decodeTokensPerSecond), unit: "tokens/s" }]),
          { name: "to the first token", value: durationText(first) },
          {
            name: result === undefined ? "so far" : (ENDINGS[result.stopReason] ?? "written"),
            value: countText(count, "token"),
          },
        ]}
      />
      {result !== undefined && <CopyText />}
    </div>
  );
}

const ENDINGS: Readonly<Record<string, string>> = {
  eos: "to the model\u2019s own end",
  length: "as many as asked for",
  context: "until the context was full",
};

function CopyText() {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(writing.prompt.value + (writing.result.value?.text ?? ""));
    isCopied.value = true;
    setTimeout(() => {
      isCopied.value = false;
    }, 2000);
  };
  return (
    <button type="button" class="button quiet" onClick={() => void copy()}>
      {isCopied.value ? "Copied" : "Copy text"}
    </button>
  );
}

/** What the marked token is and where it went in the chosen block. */
function tokenText(token: RoutedPiece | undefined, index: number | undefined, layer: number): string {
  if (token === undefined) return "Point at a token, or move with the arrow keys, to see its experts in every block.";
  const route = token.routes.find((each) => each.layer === layer);
  const parts = route?.experts.map((expert, i) => `expert ${expert} (${percentText(route.weights[i], 0)})`) ?? [];
  const where = parts.length === 0 ? "" : ` In block ${layer} it went to ${parts.join(" and ")}.`;
  return `${index === undefined ? "Newest token" : `Token ${index + 1}`}, “${token.text}”, ${token.id === undefined ? "held back until the end" : `id ${token.id}`}.${where}`;
}
