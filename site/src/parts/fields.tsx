/** Controls with their labels: a slider with its value, a choice of a few words, a text or number. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface RangeProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly onChange: (value: number) => void;
  /** The value in words, where the number alone does not say it. */
  readonly shown?: string;
  readonly hint?: string;
  readonly disabled?: boolean;
}

export function Range({ label, value, min, max, step, onChange, shown, hint, disabled }: RangeProps) {
  const id = useId();
  return (
    <div class="field">
      <span class="said">
        <label for={id}>{label}</label>
        <output for={id}>{shown ?? value}</output>
      </span>
      <input
        id={id}
        type="range"
        {...{ min, max, step, value, disabled }}
        aria-valuetext={shown}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      {hint !== undefined && <span class="hint">{hint}</span>}
    </div>
  );
}

export interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly text: string }[];
  readonly onChange: (value: Value) => void;
  /** Whether the label is only for those who hear the page. */
  readonly unlabelled?: boolean;
}

export function Choice<Value extends string>({ label, value, options, onChange, unlabelled }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class={unlabelled ? "unseen" : undefined}>{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.text}</span>
        </label>
      ))}
    </fieldset>
  );
}

export interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  /** The control, which gets the id that its label names. */
  readonly children: (id: string) => ComponentChildren;
}

export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {hint !== undefined && <span class="hint">{hint}</span>}
    </div>
  );
}
