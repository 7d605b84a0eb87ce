/** `quern/evaluate`: perplexity, comparison with another model, expert usage. */
export { type CompareOptions, type Comparison, compare, compareWindows } from "./eval/compare.ts";
export { type ExpertUse, expertUsage } from "./eval/expert-usage.ts";
export { type Perplexity, type PerplexityOptions, perplexity, perplexityOfWindows } from "./eval/perplexity.ts";
export type { WindowProtocol } from "./eval/windows.ts";
