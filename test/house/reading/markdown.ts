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

/** Links to headings, as `[file, heading]`; the file is empty for the document itself. */
export function headingLinksOf(text: string): [string, string][] {
  return [...text.matchAll(/\]\(([\w./-]*)#([^)\s]+)\)/g)].map(([, file, heading]) => [file, heading]);
}

/** What links to a document may name: its headings, in the spelling of hosts that show Markdown. */
export function headingsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1].toLowerCase());
  return headings.map((heading) => heading.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));
}

/** Relative targets of links, and code spans that climb out of their folder. */
export function linksOf(text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1]);
  const spans = [...text.matchAll(/`(\.\.?\/[\w./-]+)`/g)].map((match) => match[1]);
  return [...links, ...spans].filter((link) => !/^[a-z]+:/.test(link));
}
