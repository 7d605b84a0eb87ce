/** A float model's logits, saved once for many comparisons. */
export type { ReferenceFacts } from "../eval/compare/reference-layout.ts";
export { type SavedFacts, type SaveReferenceOptions, saveReference } from "../eval/compare/save-reference.ts";
export { openReference, type SavedReference } from "../eval/compare/saved-reference.ts";
