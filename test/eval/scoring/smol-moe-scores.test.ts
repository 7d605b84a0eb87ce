/** Tasks on a model as people use them: 30 layers, a large vocabulary, channels thousands of times larger than the rest. */
import { describe, expect, it } from "vitest";
import { nodeTree } from "../../../src/adapter/node.ts";
import { ModelLikelihood } from "../../../src/eval/scoring/model-likelihood.ts";
import { loadTask } from "../../../src/eval/tasks/load-task.ts";
import { findTasks } from "../../../src/eval/tasks/registry.ts";
import { loadModel } from "../../../src/index.ts";
import { readJsonLines, sharedFile } from "../../helpers/shared.ts";
import type { ExpectedItem } from "./expected-item.ts";

/**
 * Choices on whose way two experts tie, their router logits less than 4e-8 apart: the reference's own float32 took the other one. Here
 * stand the log-likelihoods of a computation in float64 (numpy), by item and choice.
 */
const TIES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  copa: { "10.0": -33.423368, "10.1": -35.072242 },
  hellaswag: {
    ...{ "16.3": -46.046668, "17.3": -83.186923, "33.3": -54.937853 },
    ...{ "35.0": -88.786384, "35.1": -45.470579, "35.2": -22.966823, "35.3": -59.950016 },
  },
};

const FOLDER = process.env["QUERN_SMOL"];
const DATA = sharedFile("data/eval");
const isMissing = FOLDER === undefined || DATA === undefined || sharedFile("fixtures/eval/smol-moe") === undefined;

describe.skipIf(isMissing)(
  "smol-moe (skipped unless QUERN_SMOL names its folder and QUERN_SHARED one with data/eval and fixtures/eval)",
  () => {
    it.each(["copa", "hellaswag"])("%s, choice by choice", { timeout: 600_000 }, async (name) => {
      const expected = readJsonLines<ExpectedItem>(sharedFile(`fixtures/eval/smol-moe/${name}.jsonl`) ?? "");
      const data = await nodeTree(DATA ?? "");
      await using model = await loadModel(FOLDER ?? "");
      using likelihood = new ModelLikelihood(model);
      const { items } = await loadTask(findTasks([name])[0].task, data, { limit: expected.length });
      const found = await likelihood.logLikelihoods(items.flatMap(({ requests }) => requests));
      await data.close();
      const flat = expected.flatMap(({ ll, greedy, ctxTokens, contTokens }, item) =>
        ll.map((value, i) => ({
          value,
          exact: TIES[name][`${item}.${i}`],
          greedy: greedy[i],
          tokens: [ctxTokens[i], contTokens[i]],
        })),
      );
      expect(found.map(({ contextTokens, continuationTokens }) => [contextTokens, continuationTokens])).toEqual(
        flat.map(({ tokens }) => tokens),
      );
      expect(found.map(({ isGreedy }) => isGreedy)).toEqual(flat.map(({ greedy }) => greedy));
      const far = found.flatMap(({ logLikelihood }, i) => {
        const { value, exact } = flat[i];
        const error = Math.abs(logLikelihood - (exact ?? value));
        return error < (exact === undefined ? 2e-3 : 1e-3) ? [] : [{ request: i, value, exact, logLikelihood }];
      });
      expect(far).toEqual([]);
    });
  },
);
