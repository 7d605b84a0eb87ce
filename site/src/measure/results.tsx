/** The report of this machine: the hash first, then every test with its share of the machine's ceiling. */
import { useSignal } from "@preact/signals";
import type { BenchReport } from "../../../src/bench.ts";
import { digits, percentText } from "../parts/format.ts";
import { Scroll } from "../parts/scroll.tsx";
import { engineText, machineText, runtimeText, testText } from "./names.ts";
import { goldenHash } from "./state.ts";

export function Results({ report, model }: { readonly report: BenchReport; readonly model: string }) {
  return (
    <section class="cards">
      <Hash report={report} model={model} />
      <Scroll label="Results">
        <table class="results">
          <caption>
            {model}, {runtimeText(report.runtime)}, {engineText(report)}; mean of {report.results[0]?.n ?? 0} samples
            and their standard deviation
          </caption>
          <thead>
            <tr>
              <th scope="col">test</th>
              <th scope="col" class="number">
                mean
              </th>
              <th scope="col" class="number">
                ±
              </th>
              <th scope="col">unit</th>
              <th scope="col" class="number">
                of ceiling
              </th>
            </tr>
          </thead>
          <tbody>
            {report.results.map(({ test, mean, sd, unit, share }) => (
              <tr key={test}>
                <th scope="row">{testText(test)}</th>
                <td class="number strong">{digits(mean)}</td>
                <td class="number muted">{sd === 0 ? "" : digits(sd, 2)}</td>
                <td>{unit}</td>
                <td class="number">{share === null ? "" : percentText(share, 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <Copy report={report} model={model} />
    </section>
  );
}

/** Whether this machine computes the very bits that every other one does. */
function Hash({ report, model }: { readonly report: BenchReport; readonly model: string }) {
  const golden = goldenHash(model, report);
  const isSame = golden === report.hash;
  const [mark, words] =
    golden === undefined
      ? ["", "There is no stored hash for this model. Other machines must find the same one."]
      : isSame
        ? ["✓", "The logits have the same bits as on every other machine."]
        : ["✗", "The logits differ from those of other machines. Please report this browser and processor."];
  return (
    <div class={`panel hash ${golden === undefined ? "" : isSame ? "same" : "other"}`}>
      <p>
        {mark !== "" && (
          <b class="tick" aria-hidden="true">
            {mark}
          </b>
        )}
        {words}
      </p>
      <code>{report.hash}</code>
    </div>
  );
}

function Copy({ report, model }: { readonly report: BenchReport; readonly model: string }) {
  const copied = useSignal("");
  const copy = (kind: string, text: string) => async () => {
    await navigator.clipboard.writeText(text);
    copied.value = kind;
    setTimeout(() => {
      copied.value = "";
    }, 2000);
  };
  return (
    <div class="row">
      <button type="button" class="button quiet" onClick={() => void copy("table", markdownOf(report, model))()}>
        {copied.value === "table" ? "Copied" : "Copy as a table"}
      </button>
      <button type="button" class="button quiet" onClick={() => void copy("json", JSON.stringify(report))()}>
        {copied.value === "json" ? "Copied" : "Copy as JSON"}
      </button>
      <span class="muted small">The JSON is what quern bench prints and compares.</span>
    </div>
  );
}

function markdownOf(report: BenchReport, model: string): string {
  const rows = report.results.map(
    ({ test, mean, sd, unit }) => `| ${test} | ${digits(mean)} | ${digits(sd, 2)} | ${unit} |`,
  );
  const about = `${model}, Quern ${report.engine.version}, ${machineText(report)}, ${runtimeText(report.runtime)}, ${engineText(report)}`;
  return [about, "", "| test | mean | sd | unit |", "|---|---:|---:|---|", ...rows, "", `hash ${report.hash}`].join(
    "\n",
  );
}
