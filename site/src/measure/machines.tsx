/** This machine among those whose results are stored: a bar for each, by test. */
import type { BenchReport } from "../../../src/bench.ts";
import { digits } from "../parts/format.ts";
import { engineText, machineText, runtimeText, testText } from "./names.ts";

/** Tests that are compared, if the machines have them. */
const TESTS = ["tg64", "pp128", "first token"];

interface Bar {
  readonly name: string;
  readonly about: string;
  readonly value: number;
  readonly isHere: boolean;
}

export interface MachinesProps {
  readonly machines: readonly BenchReport[];
  readonly here: BenchReport | undefined;
  readonly model: string;
}

export function Machines({ machines, here, model }: MachinesProps) {
  const same = machines.filter((machine) => machine.model?.name.split("/").at(-1) === model);
  if (same.length === 0) return null;
  return (
    <section class="cards">
      <h3>Other machines</h3>
      <p class="muted small">Medians of the samples. All of them found the same hash.</p>
      <div class="machines">
        {TESTS.map((test) => (
          <Bars key={test} test={test} bars={barsOf(test, same, here)} unit={unitOf(test, same)} />
        ))}
      </div>
    </section>
  );
}

function barsOf(test: string, machines: readonly BenchReport[], here: BenchReport | undefined): readonly Bar[] {
  const all = here === undefined ? machines : [here, ...machines];
  return all.flatMap((report) => {
    const result = report.results.find((each) => each.test === test);
    const isHere = report === here;
    const name = isHere ? `Here, ${runtimeText(report.runtime)}` : runtimeText(report.runtime);
    return result === undefined
      ? []
      : [{ name, about: `${machineText(report)}; ${engineText(report)}`, value: medianOf(result.samples), isHere }];
  });
}

/** Other work on a machine disturbs some samples, and a median less than a mean. */
function medianOf(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[samples.length >> 1];
}

function unitOf(test: string, machines: readonly BenchReport[]): string {
  return machines[0].results.find((each) => each.test === test)?.unit ?? "";
}

function Bars({ test, bars, unit }: { readonly test: string; readonly bars: readonly Bar[]; readonly unit: string }) {
  const most = Math.max(...bars.map(({ value }) => value));
  return (
    <table class="bars">
      <caption>
        <strong>{testText(test)}</strong>, {unit}
        {unit === "ms" && ", less is better"}
      </caption>
      <tbody>
        {bars.map(({ name, about, value, isHere }) => (
          <tr key={`${name} ${about}`} class={isHere ? "here" : undefined}>
            <th scope="row">
              {name}
              <span class="muted">{about}</span>
            </th>
            <td>
              <i aria-hidden="true" style={{ "--share": String(value / most) }} />
            </td>
            <td class="number">{digits(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
