/** Files of Quern's own: statistics, saved references, blocks of a run that was stopped. */

import { Turns } from "../../../src/base/turns.ts";
import { planModules } from "../../../src/compress/plan/plan-model.ts";
import { openCheckpoint } from "../../../src/compress/resume/block-checkpoint.ts";
import { readPartialStatistics, readStatistics } from "../../../src/compress/statistics/statistics-file.ts";
import { openReference } from "../../../src/eval/compare/saved-reference.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { parsePolicy } from "../../../src/policy/parse-policy.ts";
import { policyPlan } from "../../../src/policy/policy.ts";
import { type Area, type Input, jsonOf } from "../area.ts";
import { damageJson } from "../json.ts";
import { damageTensors } from "../tensors.ts";
import { blockFiles, referenceFile, settingsOf, smallModel, statisticsFiles, WINDOWS } from "./made.ts";

export async function statistics(): Promise<Area> {
  const model = await smallModel();
  const modules = planModules(model.files);
  const { whole, partial } = await statisticsFiles(model);
  return {
    make(dice): Input {
      return dice.chance(0.7) ? { whole: damageTensors(whole, dice) } : { partial: damageTensors(partial, dice) };
    },
    async run({ whole, partial }) {
      if (partial !== undefined) return void (await readPartialStatistics(bytesSource("partial", partial)));
      const found = await readStatistics(bytesSource("statistics", whole));
      policyPlan(modules, policyOf("base:2+frequency:2@4"), { statistics: found });
      policyPlan(modules, policyOf("base:2+importance:1@4"), { statistics: found });
    },
  };
}

function policyOf(text: string) {
  const policy = parsePolicy(text);
  if (policy.kind === "rules") return policy;
  throw new Error("expected a policy of rules");
}

export async function references(): Promise<Area> {
  const model = await smallModel();
  const file = await referenceFile(model);
  return {
    make: (dice) => ({ "reference.safetensors": damageTensors(file, dice, { numbers: [320, 3, 24] }) }),
    async run(input) {
      await using reference = await openReference(bytesSource("reference", input["reference.safetensors"]));
      const { vocabSize } = reference.shape;
      for (const [place, ids] of reference.windows.entries()) {
        const window = await reference.window(place, ids, new Turns());
        window.copyLogits(new Float32Array(vocabSize), vocabSize, 0, Math.min(1, ids.length - 1));
      }
    },
  };
}

export async function blocks(): Promise<Area> {
  const model = await smallModel();
  const files = await blockFiles(model);
  const settings = settingsOf(model);
  return {
    make(dice) {
      if (dice.chance(0.2)) return { ...files, "run.json": damageJson(jsonOf(files["run.json"]), dice) };
      const name = dice.pick(Object.keys(files).filter((file) => file.endsWith(".safetensors")));
      return { ...files, [name]: damageTensors(files[name], dice) };
    },
    async run(input) {
      const folder = memoryWorkFolder();
      for (const [name, bytes] of Object.entries(input)) folder.files.set(name, bytes);
      const checkpoint = await openCheckpoint(folder, model, { settings, windows: WINDOWS, resume: true });
      for (let layer = 0; layer < model.config.layers; layer++) await checkpoint.load(layer);
    },
  };
}
