/** Estimates how fast a model decodes on this machine, from the bytes that a token reads and the rate at which the kernels read them. */

import { defaultMode } from "../../model/choose-activations.ts";
import type { ExpectedUse } from "../../model/expected-use.ts";
import { activeOf } from "../../model/inspect.ts";
import type { ModelFiles } from "../../model/model.ts";
import { type MeasuredLinear, readRate } from "../../model/read-rate.ts";
import type { DotForm } from "../../wasm/dot-form.ts";
import { createMachine } from "../../wasm/embedded.ts";
import type { KernelBuild } from "../../wasm/machine.ts";

export interface ExpectedSpeed {
  /** Bytes of weights that one thread reads per second, measured on weights that are stored like most that a token reads. */
  readonly readBytesPerSecond: number;
  /** Decoded tokens per second on one thread, as far as reading weights limits them. An upper bound. */
  readonly tokensPerSecond: number;
  /** The build of the kernels that was measured, and how it adds up products of bytes. */
  readonly kernels: KernelBuild;
  readonly dots: DotForm;
}

/** Build of the kernels and arithmetic, as the options of the command ask for. */
export interface SpeedWish {
  readonly kernels: "auto" | "base" | "relaxed" | "reference";
  readonly activations: "f32" | "int16" | "int8" | undefined;
  readonly activationGroup: 32 | 64 | "weight";
}

/** Takes some hundredths of a second and 8 MiB. One thread only, since starting others takes longer. */
export async function expectedSpeed(
  options: SpeedWish,
  files: ModelFiles,
  { bytesPerToken }: ExpectedUse,
): Promise<ExpectedSpeed> {
  const { kernels, activationGroup: group } = options;
  const linear = mostRead(files);
  const mode = options.activations ?? defaultMode(files.linears);
  await using machine = await createMachine({ kernels: kernels === "reference" ? "auto" : kernels, threads: 1 });
  const readBytesPerSecond = readRate(machine, linear, { mode, group });
  const { build, dots } = machine;
  return { readBytesPerSecond, tokensPerSecond: readBytesPerSecond / bytesPerToken, kernels: build, dots };
}

/** A linear of the kind of storage of which a token reads the most bytes. */
function mostRead({ linears, config }: ModelFiles): MeasuredLinear {
  const byStorage = new Map<string, { readonly linear: MeasuredLinear; bytes: number }>();
  for (const linear of linears) {
    const { stored } = linear;
    const key = [stored.kind, stored.memoryBytes / (linear.rows * linear.cols)].join("/");
    const known = byStorage.get(key) ?? { linear, bytes: 0 };
    known.bytes += activeOf(linear, stored.memoryBytes, config);
    byStorage.set(key, known);
  }
  return [...byStorage.values()].reduce((most, each) => (each.bytes > most.bytes ? each : most)).linear;
}
