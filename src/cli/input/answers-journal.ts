/** The answers of `quern evaluate` so far, in a file beside its output, from which an interrupted run is resumed. */
import type { Journal } from "../../adapter/node-journal.ts";
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

export async function openAnswers(
  session: CommandSession,
  options: AnswerOptions,
  identity: RunIdentity,
): Promise<Journal | undefined> {
  const path = answersPath(options);
  if (path === undefined) return undefined;
  const { isCutFrom, nodeJournal } = await import("../../adapter/node-journal.ts");
  const { headLine, LINE_BEGINNINGS } = await import("../../eval/evaluation/sample-log.ts");
  const { force } = session.options;
  const recognise = (line: string) => (isCutFrom(line, LINE_BEGINNINGS) ? "cut" : undefined);
  return nodeJournal(path, { resume: options.resume, force, head: headLine(identity), recognise });
}

export async function knownAnswers(
  journal: Journal | undefined,
  identity: RunIdentity,
): Promise<EvaluateOptions["known"]> {
  const { readSampleLog } = await import("../../eval/evaluation/sample-log.ts");
  return journal === undefined ? undefined : readSampleLog(journal.lines, identity, journal.name);
}
