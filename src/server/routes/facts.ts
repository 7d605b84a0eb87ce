/** What a server tells of itself: `/metrics` in the text format of Prometheus, and `/props`. */
import { VERSION } from "../../base/version.ts";
import type { ServedModel } from "../engine/served-model.ts";
import { templateSource } from "./tokens.ts";

/** Answers so far, by status. */
export type AnswerCounts = ReadonlyMap<number, number>;

interface ServerMetric {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly of: (served: ServedModel) => number;
}

/** Names are llama-server's where it has a metric of the same meaning. */
const METRICS: readonly ServerMetric[] = [
  {
    ...{ name: "llamacpp:prompt_tokens_total", kind: "counter", help: "Tokens of the prompts that were answered." },
    of: ({ counts }) => counts.promptTokens,
  },
  {
    ...{ name: "llamacpp:tokens_predicted_total", kind: "counter", help: "Tokens that were generated." },
    of: ({ counts }) => counts.answerTokens,
  },
  {
    ...{ name: "llamacpp:requests_processing", kind: "gauge", help: "Choices that are computed now." },
    of: ({ scheduler }) => scheduler.processing,
  },
  {
    ...{ name: "llamacpp:requests_deferred", kind: "gauge", help: "Requests that wait for a slot." },
    of: ({ scheduler }) => scheduler.deferred,
  },
  {
    ...{ name: "llamacpp:kv_cache_usage_ratio", kind: "gauge", help: "Share of the cache's rows that texts use." },
    of: ({ present }) => (present === undefined ? 0 : present.session.rows.used / present.session.rows.all),
  },
  {
    ...{ name: "llamacpp:kv_cache_tokens", kind: "gauge", help: "Rows of the cache that texts use." },
    of: ({ present }) => present?.session.rows.used ?? 0,
  },
  {
    ...{
      name: "quern:computed_tokens_total",
      kind: "counter",
      help: "Tokens that passes of the loaded model computed.",
    },
    of: ({ present }) => present?.session.computedTokens ?? 0,
  },
  {
    ...{ name: "quern:reloads_total", kind: "counter", help: "Times that the model was loaded again after a failure." },
    of: ({ counts }) => counts.reloads,
  },
];

export function metricsText(models: readonly ServedModel[], answers: AnswerCounts): string {
  const lines = METRICS.flatMap(({ name, kind, help, of }) => [
    ...headOf(name, kind, help),
    ...models.map((served) => `${name}{model=${JSON.stringify(served.id)}} ${of(served)}`),
  ]);
  const statuses = [...answers].sort(([a], [b]) => a - b);
  const name = "quern:requests_total";
  lines.push(...headOf(name, "counter", "Requests by the status of their answer."));
  lines.push(...statuses.map(([status, count]) => `${name}{status="${status}"} ${count}`));
  return `${lines.join("\n")}\n`;
}

function headOf(name: string, kind: string, help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
}

/** Facts about a served model and its slots. */
export async function propsOf(served: ServedModel, slots: number): Promise<object> {
  const { model, session } = await served.get();
  return {
    ...{ model: served.id, model_path: served.id, total_slots: slots, build_info: `quern-${VERSION}` },
    default_generation_settings: { n_ctx: session.context },
    ...{ n_ctx: session.context, n_vocab: model.config.vocabSize, cache_rows: session.rows.all },
    chat_template: await templateSource(model),
  };
}
