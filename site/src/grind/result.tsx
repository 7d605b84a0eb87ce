/** What came of grinding: figures, where the bits went, the files. */
import { useSignal } from "@preact/signals";
import { BitsGrid } from "../bits/bits-grid.tsx";
import { linearsOf } from "../bits/bits-layout.ts";
import { engine } from "../engine/engine.ts";
import { failureSentence } from "../engine/failures.ts";
import { keepModel, model, notice } from "../engine/model-state.ts";
import type { Ground } from "../engine/wishes.ts";
import { Facts } from "../parts/facts.tsx";
import { bytesText, countText, digits, durationText, percentText } from "../parts/format.ts";
import { zipFiles } from "./zip.ts";

export function GrindResult({ result }: { readonly result: Ground }) {
  const { averageBits, trueBytes, floatBytes, seconds, kl, klStdErr, sameTop, starved, modules } = result;
  return (
    <section class="cards">
      <Facts
        facts={[
          { name: "average bits", value: digits(averageBits) },
          { name: `${percentText(trueBytes / floatBytes)} of the float file`, value: bytesText(trueBytes) },
          { name: `KL to float, \u00b1 ${digits(klStdErr, 1)}`, value: digits(kl) },
          { name: "same likeliest token", value: percentText(sameTop) },
          { name: "to quantise", value: durationText(1000 * seconds) },
        ]}
      />
      {starved > 0 && (
        <p class="muted small">
          {countText(starved, "expert")} got few tokens of the calibration text; statistics of all tokens were mixed
          into theirs.
        </p>
      )}
      <BitsGrid linears={linearsOf(modules)} name="the ground model" />
      <Take result={result} />
    </section>
  );
}

function Take({ result }: { readonly result: Ground }) {
  const isBusy = useSignal(false);
  const isKept = useSignal(false);
  const download = async () => {
    isBusy.value = true;
    try {
      save(
        await zipFiles(await engine.call("files", undefined)),
        `${model.value?.name ?? "model"}-${result.averageBits.toFixed(2)}bit.zip`,
      );
    } catch (error) {
      notice(failureSentence(error, "grind"));
    } finally {
      isBusy.value = false;
    }
  };
  const keep = async () => {
    await keepModel("ground");
    isKept.value = true;
  };
  const bytes = result.files.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <div class="row">
      <button type="button" class="button" disabled={isBusy.value} onClick={() => void download()}>
        Download, {bytesText(bytes)}
      </button>
      <button type="button" class="button" disabled={isKept.value} onClick={() => void keep()}>
        {isKept.value ? "Kept: see the list of models" : "Keep on this device"}
      </button>
      <span class="muted small">A GPTQ checkpoint that the command line and other programs open.</span>
    </div>
  );
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
