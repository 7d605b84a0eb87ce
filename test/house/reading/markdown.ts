/** Markdown as the tests of the house read it: links, and blocks of code. */

export interface CodeBlock {
  readonly language: string;
  readonly code: string;
  /** Where the block begins, as `file:line`. */
  readonly place: string;
}

/** Every fenced block of a document, in order. */
export function blocksOf(file: string, text: string): CodeBlock[] {
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ 1: language, 2: code, index }) => ({
    language,
    code,
    place: `${file}:${text.slice(0, index).split("\n").length}`,
  }));
}

/** Relative targets of links, and code spans that climb out of their folder. */
export function linksOf(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1]);
  const spans = [...text.matchAll(/`(\.\.?\/[\w./-]+)`/g)].map((match) => match[1]);
  return [...links, ...spans].filter((link) => !/^[a-z]+:/.test(link));
}
