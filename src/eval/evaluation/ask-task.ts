/** Asks a model about a task's items, in batches. Items that an interrupted run has already asked are not asked again. */
import { FormatError, NumericsError, type QuernError, UsageError } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { Likelihood, LikelihoodModel } from "../scoring/likelihood.ts";
import { RequestError } from "../scoring/model-likelihood.ts";
import type { LoadedTask, TaskItem } from "../tasks/load-task.ts";
import type { Task } from "../tasks/task.ts";
import { requestHash, type Sample, sampleOf } from "./item-sample.ts";

export interface AskOptions {
  readonly batchSize: number;
  /** Samples of an interrupted run. */
  readonly known: readonly Sample[];
  readonly onSamples?: (task: string, samples: readonly Sample[]) => void | Promise<void>;
  readonly signal?: AbortSignal;
  /** Called with the number of items that are done, scored or not. */
  readonly onDone: (items: number) => void;
  /** Called for an item that the model cannot read. */
  readonly onProblem: (problem: QuernError) => void;
}

interface Asked {
  readonly item: TaskItem;
  readonly hash: string;
}

/** Returns the samples in the order of their rows. */
export async function askTask(
  model: LikelihoodModel,
  { task, items }: LoadedTask,
  options: AskOptions,
): Promise<readonly Sample[]> {
  const turns = new Turns(options.signal);
  const known = new Map(options.known.map((sample) => [sample.doc_id, sample]));
  const samples: Sample[] = [];
  let batch: Asked[] = [];
  const flush = async () => {
    const found = await askBatch(model, task, batch, options);
    if (found.length > 0) await options.onSamples?.(task.task, found);
    samples.push(...found);
    options.onDone(batch.length);
    batch = [];
  };
  for (const item of items) {
    await turns.pause();
    const asked = { item, hash: await requestHash(item) };
    const sample = known.get(item.docId);
    if (sample === undefined) batch.push(asked);
    else {
      samples.push(knownSample(task, sample, asked));
      options.onDone(1);
    }
    if (batch.length === options.batchSize) await flush();
  }
  if (batch.length > 0) await flush();
  return samples.sort((a, b) => a.doc_id - b.doc_id);
}

/** An item that the model cannot read becomes a problem; the others are asked without it. */
async function askBatch(
  model: LikelihoodModel,
  task: Task,
  batch: readonly Asked[],
  { signal, onProblem }: AskOptions,
): Promise<readonly Sample[]> {
  let asked = batch;
  while (asked.length > 0) {
    const requests = asked.flatMap(({ item }) => item.requests);
    try {
      const found = await model.logLikelihoods(requests, { signal });
      if (found.length !== requests.length)
        throw new UsageError("model", `${found.length} log-likelihoods`, `${requests.length}, one for each request`);
      return samplesOf(task, asked, found);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const [bad, choice] = ownerOf(asked, error.request);
      // The error names the choice of the row, not the request of the call: that number depends on the batch.
      onProblem(new FormatError(bad.item.where, `choice ${choice}: ${error.reason}`, { cause: error }));
      asked = asked.filter((one) => one !== bad);
    }
  }
  return [];
}

function samplesOf(task: Task, asked: readonly Asked[], found: readonly Likelihood[]): readonly Sample[] {
  let at = 0;
  return asked.map(({ item, hash }) => {
    const own = found.slice(at, at + item.requests.length);
    at += item.requests.length;
    if (own.some(({ logLikelihood }) => Number.isNaN(logLikelihood)))
      throw new NumericsError(
        item.where,
        "found a log-likelihood that is not a number, expected a number of at most 0",
      );
    return sampleOf(task, item, own, hash);
  });
}

/** The item that a request belongs to, and the request's index within the item. */
function ownerOf(asked: readonly Asked[], request: number): readonly [Asked, number] {
  let at = 0;
  while (request >= asked[at].item.requests.length) request -= asked[at++].item.requests.length;
  return [asked[at], request];
}

/** Takes only the answers from the earlier run. The task and the row of this run score them anew. */
function knownSample(task: Task, sample: Sample, { item, hash }: Asked): Sample {
  if (sample.request_hash !== hash || sample.resps.length !== item.requests.length)
    throw new UsageError(
      `resume, task ${task.task}, row ${item.docId}`,
      "the answer to another question",
      "the same data and task as in the interrupted run",
    );
  const answers = sample.resps.map(([logLikelihood, isGreedy]) => ({ logLikelihood, isGreedy }));
  return sampleOf(task, item, answers, hash);
}
