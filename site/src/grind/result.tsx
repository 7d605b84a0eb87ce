/** What came of grinding: figures, where the bits went, the files. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { FileFacts } from "../../../src/worker.ts";
import { BitsGrid } from "../bits/bits-grid.tsx";
import { linearsOf } from "../bits/bits-layout.ts";
import { failed, keepModel } from "../engine/model-state.ts";
import { Facts } from "../parts/facts.tsx";
import { bytesText, countText, digits, durationText, percentText } from "../parts/format.ts";
import type { Ground } from "./state.ts";
import { zipFiles } from "./zip.ts";

export function GrindResult({ result }: { readonly result: Ground }) {
  const { small, float, seconds, comparison } = result;
  const { averageBits, trueBytes, modules } = small.facts;
  const { kl, sameTop } = comparison;
  const starved = small.starved.length;
  return (
    <section class="cards">
      <Facts
        facts={[
          { name: "average bits", value: digits(averageBits) },
          { name: `${percentText(trueBytes / float.facts.trueBytes)} of the float file`, value: bytesText(trueBytes) },
          { name: `KL to float, \u00b1 ${digits(kl.stdErr, 1)}`, value: digits(kl.mean) },
          { name: "same likeliest token", value: percentText(sameTop.value) },
          { name: "to quantise", value: durationText(1000 * seconds) },
        ]}
      />
      {starved > 0 && (
        <p class="muted small">
          {countText(starved, "expert")} got few tokens of the calibration text; statistics of all tokens were mixed
          into theirs.
        </p>
      )}
      <BitsGrid linears={linearsOf(modules.filter(({ role }) => role !== "router"))} name="the ground model" />
      <Take result={result} />
    </section>
  );
}

function Take({ result }: { readonly result: Ground }) {
  const isBusy = useSignal(false);
  const isKept = useSignal(false);
  const files = useSignal<readonly FileFacts[]>([]);
  const { name, small } = result;
  useEffect(() => {
    small.files().then(
      (found) => {
        files.value = found;
      },
      (error: unknown) => failed(error, "grind"),
    );
  }, [small, files]);
  const download = async () => {
    isBusy.value = true;
    try {
      const blobs = files.value.map(async (file) => ({ name: file.name, blob: await small.file(file.name) }));
      save(await zipFiles(await Promise.all(blobs)), `${name.replace(", ", "-").replace(" ", "-")}.zip`);
    } catch (error) {
      failed(error, "grind");
    } finally {
      isBusy.value = false;
    }
  };
  const keep = async () => {
    isKept.value = await keepModel({ name, worker: small });
  };
  const bytes = files.value.reduce((sum, file) => sum + file.bytes, 0);
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
