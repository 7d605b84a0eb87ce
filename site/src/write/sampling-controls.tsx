/** The controls of sampling. */
import type { Signal } from "@preact/signals";
import type { Sampling } from "../engine/wishes.ts";
import { Field, Range } from "../parts/fields.tsx";

export const FIRST_SAMPLING: Sampling = {
  maxTokens: 160,
  temperature: 0.8,
  topP: 0.95,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  seed: 7,
};

const SLIDERS = [
  { key: "temperature", label: "Temperature", min: 0, max: 2, step: 0.05 },
  { key: "topP", label: "Top-p", min: 0.05, max: 1, step: 0.05 },
  { key: "minP", label: "Min-p", min: 0, max: 0.5, step: 0.01 },
  { key: "repetitionPenalty", label: "Repetition penalty", min: 1, max: 2, step: 0.05 },
] as const;

const NUMBERS = [
  { key: "maxTokens", label: "Tokens", min: 1, max: 500 },
  { key: "topK", label: "Top-k (0: all)", min: 0, max: 1000 },
  { key: "seed", label: "Seed", min: 0, max: 2 ** 31 - 1 },
] as const;

export function SamplingControls({ sampling }: { readonly sampling: Signal<Sampling> }) {
  const set = (key: keyof Sampling, value: number) => {
    if (Number.isFinite(value)) sampling.value = { ...sampling.value, [key]: value };
  };
  return (
    <div class="sampling">
      <Range
        {...SLIDERS[0]}
        value={sampling.value.temperature}
        shown={sampling.value.temperature === 0 ? "0, always the likeliest" : sampling.value.temperature.toFixed(2)}
        onChange={(value) => set("temperature", value)}
      />
      {SLIDERS.slice(1).map(({ key, ...slider }) => (
        <Range
          key={key}
          {...slider}
          value={sampling.value[key]}
          shown={sampling.value[key].toFixed(2)}
          onChange={(value) => set(key, value)}
        />
      ))}
      <div class="pair">
        {NUMBERS.map(({ key, label, min, max }) => (
          <Field key={key} label={label}>
            {(id) => (
              <input
                id={id}
                type="number"
                {...{ min, max }}
                value={sampling.value[key]}
                onChange={(event) =>
                  set(key, Math.min(max, Math.max(min, Math.round(event.currentTarget.valueAsNumber))))
                }
              />
            )}
          </Field>
        ))}
      </div>
    </div>
  );
}
