/** The answers of `quern evaluate` so far, in a file beside its output, from which an interrupted run is resumed. */
import type { JournalOptions } from "../../adapter/node-journal.ts";
import type { EvaluateOptions } from "../../eval/evaluation/evaluate.ts";
import type { RunIdentity } from "../../files/run-identity.ts";
import type { Model } from "../../model/model.ts";
import type { CommandSession } from "../session/command-session.ts";
import { beside } from "./claim-outputs.ts";

export interface AnswerOptions {
  readonly output?: string;
  readonly resume?: boolean;
  readonly shots?: number;
}

/** Everything that decides the answers. A resumed run must have the same. */
export async function answersIdentity(
  session: CommandSession,
  model: Model,
  options: AnswerOptions,
): Promise<RunIdentity> {
  const { modelHash, tokenizerHash } = await import("../../model/model-identity.ts");
  const { Turns } = await import("../../base/turns.ts");
  const { VERSION } = await import("../../base/version.ts");
  const turns = new Turns(session.signal);
  return {
    version: VERSION,
    modelHash: await modelHash(model.files, turns, session.report),
    tokenizerHash: (await tokenizerHash(model.files, turns)) ?? null,
    activations: model.activations.mode,
    activationGroup: model.activations.group,
    cache: model.cache,
    shots: options.shots ?? null,
    context: session.options.context ?? null,
  };
}

/** The file of the answers so far, for `--resume`. */
export function answersPath({ output }: AnswerOptions): string | undefined {
  return beside(output, ".samples.jsonl");
}

/** The answers of an earlier run, by task, and the journal that the next ones go to. */
export interface KeptAnswers extends AsyncDisposable {
  readonly known: NonNullable<EvaluateOptions["known"]>;
  readonly onSamples: NonNullable<EvaluateOptions["onSamples"]>;
  /** Removes the file, when its work is done. */
  remove(): Promise<void>;
}

/** @throws UsageError for answers of another run, FormatError for a file that is no such journal. */
export async function openAnswers(
  path: string,
  run: RunIdentity,
  options: Pick<JournalOptions, "resume" | "force">,
): Promise<KeptAnswers> {
  const { isCutFrom, nodeJournal } = await import("../../adapter/node-journal.ts");
  const { headLine, LINE_BEGINNINGS, readSampleLog, sampleLine } = await import("../../eval/evaluation/sample-log.ts");
  const recognise = (line: string) => (isCutFrom(line, LINE_BEGINNINGS) ? "cut" : undefined);
  const journal = await nodeJournal(path, { ...options, head: headLine(run), recognise });
  return {
    known: readSampleLog(journal.lines, run, path),
    onSamples: (task, samples) => journal.append(...samples.map((sample) => sampleLine(task, sample))),
    remove: journal.remove,
    [Symbol.asyncDispose]: journal[Symbol.asyncDispose],
  };
}
