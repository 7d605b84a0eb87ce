/** `quern/evaluate`: perplexity, comparison with another model or its saved logits, expert usage. */
export { type CompareOptions, compare, compareWindows, type ReferenceComparison } from "./eval/compare.ts";
export { type ExpertUse, expertUsage } from "./eval/expert-usage.ts";
export { openReference, type SavedReference } from "./eval/open-reference.ts";
export { type Perplexity, type PerplexityOptions, perplexity, perplexityOfWindows } from "./eval/perplexity.ts";
export type { ReferenceFacts } from "./eval/reference-layout.ts";
export { type SavedFacts, type SaveReferenceOptions, saveReference } from "./eval/save-reference.ts";
export type { Comparison } from "./eval/tally.ts";
export { scoredWindows, type WindowProtocol } from "./eval/windows.ts";
