/** What to grind: the same bits everywhere, the best within a budget, or a policy in one line. */
import { Choice, Field, Range } from "../parts/fields.tsx";
import { cancelGrinding, canGrind, form, type GrindForm, running, startGrinding, type Way } from "./state.ts";

const WAYS: readonly { readonly value: Way; readonly text: string }[] = [
  { value: "bits", text: "same bits" },
  { value: "budget", text: "a budget" },
  { value: "policy", text: "a policy" },
];

const EXAMPLES = [
  "attention:4,base:2+importance:2@4",
  "attention:4,base:2+frequency:2@4",
  "uniform:2+projection:down@4",
];
/** Average bits that a budget can have. */
const BUDGETS = { min: 2.1, max: 4.2, step: 0.1 };

export function GrindFormView() {
  const { way, samples } = form.value;
  const set = (change: Partial<GrindForm>) => {
    form.value = { ...form.value, ...change };
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void startGrinding();
  };
  const isRunning = running.value !== undefined;
  return (
    <form class="panel grind-form" onSubmit={submit}>
      <Choice label="Bits by" value={way} options={WAYS} onChange={(value) => set({ way: value })} />
      {way === "bits" && <SameBits set={set} />}
      {way === "budget" && <Budget set={set} />}
      {way === "policy" && <Policy set={set} />}
      <Range
        label="Texts to calibrate on"
        min={4}
        max={64}
        step={4}
        value={samples}
        shown={`${samples} of 256 tokens`}
        hint="The model writes them itself."
        onChange={(value) => set({ samples: value })}
      />
      <div class="row">
        <button type="submit" class="button first" disabled={isRunning || !canGrind()}>
          Grind
        </button>
        <button type="button" class="button" disabled={!isRunning} onClick={cancelGrinding}>
          Cancel
        </button>
      </div>
    </form>
  );
}

interface PartProps {
  readonly set: (change: Partial<GrindForm>) => void;
}

function SameBits({ set }: PartProps) {
  const options = ([2, 3, 4, 8] as const).map((bits) => ({ value: String(bits), text: String(bits) }));
  return (
    <Choice
      label="Bits of every linear"
      value={String(form.value.bits)}
      options={options}
      onChange={(value) => set({ bits: Number(value) as GrindForm["bits"] })}
    />
  );
}

function Budget({ set }: PartProps) {
  const { budget, spender } = form.value;
  return (
    <>
      <Range
        label="Budget"
        {...BUDGETS}
        value={budget}
        shown={`${budget.toFixed(1)} bits a weight`}
        onChange={(value) => set({ budget: value })}
      />
      <Choice
        label="Spent by"
        value={spender}
        options={[
          { value: "auto", text: "a rule" },
          { value: "knapsack", text: "measured damage" },
        ]}
        onChange={(value) => set({ spender: value })}
      />
      <p class="muted small">
        {spender === "auto"
          ? "The best rule of one line, found in seconds."
          : "Measures first what every width of every linear costs, which takes minutes, and then fills the budget as well as can be."}
      </p>
    </>
  );
}

function Policy({ set }: PartProps) {
  return (
    <div class="cards">
      <Field label="Policy" hint="Classes of structure, then what is raised: @ the bits.">
        {(id) => (
          <input
            id={id}
            type="text"
            spellcheck={false}
            autocomplete="off"
            value={form.value.policy}
            onInput={(event) => set({ policy: event.currentTarget.value })}
          />
        )}
      </Field>
      <ul class="examples">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button type="button" class="textual" onClick={() => set({ policy: example })}>
              <code>{example}</code>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
