/** Names everything that decides the outcome of quantising: weights, calibration tokens, all settings and the version of this code. */

import type { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import type { RunIdentity } from "../../files/run-identity.ts";
import type { Model, Progress } from "../../model/model.ts";
import { modelHash } from "../../model/model-identity.ts";
import { isPackable } from "../../tensor/linear-shape.ts";
import { filesUnder } from "../recipe/outer-bits.ts";
import { type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { Windows } from "../windows/window-batch.ts";
import { windowsHash } from "../windows/window-batch.ts";

/** Raised when the checkpoint files change, or when the same settings start to give other results. */
const FORMAT = "quern quantize 2";

/** One field per setting, so that an error can name the difference. Threads and kernels are left out because they change no bit. */
export async function quantizeIdentity(
  model: Model,
  settings: QuantizeSettings,
  windows: Windows | undefined,
  turns: Turns,
  onProgress?: (progress: Progress) => void,
): Promise<RunIdentity> {
  const { modules: _, dampIncrement = null, ...grid } = settings;
  const { linears } = filesUnder(model.files, settings.modules);
  const modules = linears.filter(isPackable).map((linear) => {
    const { bits, groupSize } = settingOf(settings, linear);
    const told = bits === 16 ? "float" : `${bits} bits, group size ${groupSize === -1 ? "row" : groupSize}`;
    return [`module ${linear.name}`, told] as const;
  });
  return {
    format: FORMAT,
    version: VERSION,
    modelHash: await modelHash(model.files, turns, onProgress),
    calibrationHash: windows === undefined ? null : await windowsHash(windows),
    ...grid,
    dampIncrement,
    ...Object.fromEntries(modules),
  };
}
