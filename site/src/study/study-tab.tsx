/** The committed study, to be explored: a budget over the curve of plans, and what the plan at that budget does to each linear. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { BitsGrid } from "../bits/bits-grid.tsx";
import { linearsOf } from "../bits/bits-layout.ts";
import { Facts } from "../parts/facts.tsx";
import { Choice, Field, Range } from "../parts/fields.tsx";
import { bytesText, digits, percentText } from "../parts/format.ts";
import { Curve } from "./curve.tsx";
import {
  bestWithin,
  klAt,
  readStudy,
  STRATEGIES,
  type Study,
  type StudyModel,
  type StudyPoint,
  strategiesOf,
} from "./data.ts";
import { LossHeat, UsageHeat } from "./heat.tsx";

const FIRST_BUDGET = 3;
const STEP = 0.05;

export function StudyTab() {
  const study = useSignal<Study | undefined>(undefined);
  const failure = useSignal<string | undefined>(undefined);
  useEffect(() => {
    readStudy().then(
      (read) => {
        study.value = read;
      },
      (error: Error) => {
        failure.value = `${error.message}. The other tabs work without it.`;
      },
    );
  }, [study, failure]);
  return (
    <section class="page">
      <div class="lede">
        <h2>Which part of a model needs how many bits?</h2>
        <p>
          Every dot is a quantised model that was measured: how far its next tokens are from the float model’s, over its
          size. Move the budget, and see which experts and projections a plan spends it on.
        </p>
      </div>
      {study.value === undefined ? (
        <p class="muted">{failure.value ?? "Reading the study."}</p>
      ) : (
        <Explorer study={study.value} />
      )}
    </section>
  );
}

function Explorer({ study }: { readonly study: Study }) {
  const name = useSignal(study.models[0].name);
  const text = useSignal(0);
  const wanted = useSignal("knapsack");
  const budget = useSignal(FIRST_BUDGET);
  const model = study.models.find((each) => each.name === name.value) ?? study.models[0];
  const strategies = strategiesOf(model, text.value);
  const strategy = strategies.includes(wanted.value) ? wanted.value : strategies[0];
  const chosen = bestWithin(model, text.value, { strategy, budget: budget.value });
  const limits = limitsOf(model);
  return (
    <>
      <div class="study-controls">
        <Field label="Model">
          {(id) => (
            <select
              id={id}
              value={name.value}
              onChange={(event) => {
                name.value = event.currentTarget.value;
                text.value = 0;
              }}
            >
              {study.models.map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          )}
        </Field>
        <Choice
          label="Measured on"
          value={String(text.value)}
          options={model.texts.map((each, i) => ({ value: String(i), text: each }))}
          onChange={(value) => {
            text.value = Number(value);
          }}
        />
        <Choice
          label="Plan by"
          value={strategy}
          options={STRATEGIES.filter(({ id }) => strategies.includes(id)).map(({ id, text: word }) => ({
            value: id as string,
            text: word,
          }))}
          onChange={(value) => {
            wanted.value = value;
          }}
        />
      </div>
      <div class="study-top">
        <figure>
          <Curve
            model={model}
            text={text.value}
            budget={budget.value}
            chosen={chosen}
            onBudget={(bits) => {
              budget.value = bits;
            }}
          />
          <Range
            label="Budget"
            {...limits}
            step={STEP}
            value={budget.value}
            shown={`${budget.value.toFixed(2)} bits a weight`}
            onChange={(value) => {
              budget.value = value;
            }}
          />
        </figure>
        <Readout model={model} text={text.value} budget={budget.value} chosen={chosen} strategy={strategy} />
      </div>
      <PlanFigures model={model} chosen={chosen} budget={budget.value} strategy={strategy} />
    </>
  );
}

function limitsOf({ points }: StudyModel): { readonly min: number; readonly max: number } {
  const bits = points.map((point) => point.bits);
  return { min: Math.ceil(Math.min(...bits) / STEP) * STEP, max: Math.ceil(Math.max(...bits) / STEP) * STEP };
}

interface ReadoutProps {
  readonly model: StudyModel;
  readonly text: number;
  readonly budget: number;
  readonly strategy: string;
  readonly chosen: StudyPoint | undefined;
}

/** The chosen plan's figures, and those of the other strategies at the same budget. */
function Readout({ model, text, budget, strategy, chosen }: ReadoutProps) {
  if (chosen === undefined) return <p class="muted">No plan of this kind is as small as {budget.toFixed(2)} bits.</p>;
  const rivals = strategiesOf(model, text).flatMap((other) => {
    const point = bestWithin(model, text, { strategy: other, budget });
    return point === undefined ? [] : [{ other, point }];
  });
  const error = chosen.kl[text]?.[1] ?? 0;
  return (
    <aside class="readout" aria-live="polite">
      <h3>{chosen.strategy === "knapsack" ? `Knapsack in ${digits(chosen.bits)} bits` : chosen.name}</h3>
      <Facts
        facts={[
          { name: `KL, \u00b1 ${digits(error, 2)}`, value: digits(klAt(chosen, text)) },
          { name: `${percentText(chosen.bytes / model.floatBytes)} of the float file`, value: bytesText(chosen.bytes) },
        ]}
      />
      <table>
        <caption>Within {budget.toFixed(2)} bits, the least KL by</caption>
        <tbody>
          {rivals.map(({ other, point }) => (
            <tr key={other} class={other === strategy ? "current" : undefined}>
              <th scope="row">
                <i class={`swatch ${other}`} aria-hidden="true" />
                {STRATEGIES.find(({ id }) => id === other)?.text ?? other}
              </th>
              <td class="number">{digits(point.bits)} bits</td>
              <td class="number">{digits(klAt(point, text))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </aside>
  );
}

/** The knapsack is shown at every budget, other strategies where they were measured. */
function PlanFigures({ model, chosen, budget, strategy }: Omit<ReadoutProps, "text">) {
  const step = strategy === "knapsack" ? model.steps.filter(([asked]) => asked <= budget + STEP / 2).at(-1) : undefined;
  const plan = step?.[3] ?? chosen?.plan ?? null;
  const name = step === undefined ? (chosen?.name ?? "") : `knapsack in ${step[0].toFixed(2)} bits`;
  return (
    <>
      {model.modules !== null && plan !== null && (
        <div class="study-bits">
          <h3>Where the bits go</h3>
          <p class="muted small">
            {name}, {digits(step?.[1] ?? chosen?.bits ?? 0)} bits on average. Rows are blocks, columns linears; mean
            bits on the right.
          </p>
          <BitsGrid
            linears={linearsOf(model.modules.map((each, i) => ({ name: each, bits: Number(plan[i]) })))}
            name={name}
          />
        </div>
      )}
      <div class="study-maps">
        <UsageHeat model={model} />
        {chosen !== undefined && chosen.losses.length > 0 && <LossHeat point={chosen} />}
      </div>
    </>
  );
}
