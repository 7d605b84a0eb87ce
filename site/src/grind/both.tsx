/** Both versions write the same beginning side by side; tokens are coloured from the first one that differs. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { RoutedPiece } from "../../../src/worker.ts";
import type { Sampling } from "../engine/wishes.ts";
import { Field } from "../parts/fields.tsx";
import { digits } from "../parts/format.ts";
import { FIRST_SAMPLING } from "../write/sampling-controls.tsx";
import { Writing } from "../write/writing.ts";
import type { Ground } from "./state.ts";

const float = new Writing();
const small = new Writing();
const LENGTH = 96;

export function Both({ result }: { readonly result: Ground }) {
  const prompt = useSignal("Once upon a time");
  const seed = useSignal(FIRST_SAMPLING.seed);
  const start = () => {
    const sampling: Sampling = { ...FIRST_SAMPLING, maxTokens: LENGTH, seed: seed.value };
    const wish = { prompt: prompt.value, sampling };
    void float.start(result.float, wish);
    void small.start(result.small, wish);
  };
  useEffect(start, [result]);
  const again = (event: Event) => {
    event.preventDefault();
    seed.value += 1;
    start();
  };
  const same = commonLength(float.tokens.value, small.tokens.value);
  return (
    <section class="both">
      <h3>Both write</h3>
      <form class="address" onSubmit={again}>
        <Field label="Beginning">
          {(id) => (
            <input
              id={id}
              type="text"
              value={prompt.value}
              onInput={(event) => {
                prompt.value = event.currentTarget.value;
              }}
            />
          )}
        </Field>
        <button type="submit" class="button">
          Write again
        </button>
      </form>
      <div class="columns">
        <Column title="float, 16 bits" writing={float} same={same} prompt={float.prompt} />
        <Column
          title={`ground, ${digits(result.small.facts.averageBits)} bits`}
          writing={small}
          same={same}
          prompt={small.prompt}
        />
      </div>
      <p class="muted small">
        The same sampling and the same seed. From the first token that differs on, the text is marked.
      </p>
    </section>
  );
}

interface ColumnProps {
  readonly title: string;
  readonly writing: Writing;
  readonly prompt: Signal<string>;
  /** Tokens that both texts have in common. */
  readonly same: number;
}

function Column({ title, writing, same, prompt }: ColumnProps) {
  const tokens = writing.tokens.value;
  const textOf = (some: readonly RoutedPiece[]) => some.map(({ text }) => text).join("");
  const rate = writing.result.value?.timings.decodeTokensPerSecond;
  return (
    <article>
      <h4>
        {title} <span class="muted figure">{rate === undefined ? "" : `${digits(rate)} tokens/s`}</span>
      </h4>
      <p class="story">
        {prompt}
        {textOf(tokens.slice(0, same))}
        <mark>{textOf(tokens.slice(same))}</mark>
      </p>
    </article>
  );
}

function commonLength(a: readonly RoutedPiece[], b: readonly RoutedPiece[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length].id === b[length].id) length++;
  return length;
}
