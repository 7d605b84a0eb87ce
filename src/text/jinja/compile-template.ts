/** Reads a template's text with `@huggingface/jinja`, within limits, and renders it. */

import { globalScope } from "./template-globals.ts";
import { TemplateInterpreter } from "./template-interpreter.ts";
import type { TemplateBody } from "./template-nodes.ts";
import { withTestArguments } from "./template-tokens.ts";
import { TemplateBudget } from "./values/template-budget.ts";
import { RaisedByTemplate, TemplateFault } from "./values/template-fault.ts";

/** The largest known templates have 40 000 characters. */
const MAX_LENGTH = 256 * 1024;
/** The library's own patterns take time that grows with the square of a run of spaces. */
const MAX_SPACES = 1000;

/** The texts of a template's errors are predicates: `the template <problem>`. */
export type TemplateProblem = { readonly raised: boolean; readonly problem: string };

export interface CompiledTemplate {
  /** @throws what `problemOf` explains; UsageError for variables that are not JSON. */
  render(variables: Readonly<Record<string, unknown>>): string;
}

/** The library, with what is done to it here. It is loaded only where a template is used. */
export interface TemplateEngine {
  /** @throws what `problemOf` explains. */
  compile(source: string): CompiledTemplate;
  /** What went wrong in compiling or rendering; undefined for an error of another kind. */
  problemOf(error: unknown): TemplateProblem | undefined;
}

export async function loadTemplateEngine(): Promise<TemplateEngine> {
  const { parse, tokenize } = await import("@huggingface/jinja");
  type Tokens = Parameters<typeof parse>[0];
  const read = (text: string) => {
    const program: unknown = parse(
      withTestArguments(tokenize(text, { lstrip_blocks: true, trim_blocks: true })) as Tokens,
    );
    return (program as { readonly body: TemplateBody }).body;
  };
  const compile = (source: string): CompiledTemplate => {
    const body = parseWithin(source, read);
    return {
      render(variables) {
        const budget = new TemplateBudget();
        return new TemplateInterpreter(budget).render(body, globalScope(variables, budget));
      },
    };
  };
  return { compile, problemOf };
}

function parseWithin(source: string, parse: (text: string) => TemplateBody): TemplateBody {
  if (source.length > MAX_LENGTH)
    throw new TemplateFault(`has ${source.length} characters, expected at most ${MAX_LENGTH}`);
  if (longestRunOfSpaces(source) > MAX_SPACES)
    throw new TemplateFault(`has more than ${MAX_SPACES} white space characters in a row`);
  try {
    return parse(source.replace(/\r\n?/g, "\n"));
  } catch (error) {
    throw new TemplateFault(`cannot be read: ${error instanceof Error ? readable(error) : String(error)}`);
  }
}

/** The parser runs into the end of its tokens with errors of the language. */
function readable(error: Error): string {
  if (error instanceof TypeError) return "it ends in the middle of a block or an expression";
  if (error instanceof RangeError || error.name === "InternalError") return "it nests too deep";
  return error.message.slice(0, 200);
}

function longestRunOfSpaces(text: string): number {
  let longest = 0;
  for (let at = 0, run = 0; at < text.length; at++) {
    run = /\s/.test(text[at]) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function problemOf(error: unknown): TemplateProblem | undefined {
  if (error instanceof RaisedByTemplate) return { raised: true, problem: error.message };
  if (error instanceof TemplateFault) return { raised: false, problem: error.message };
  const isStack = error instanceof RangeError || (error instanceof Error && error.name === "InternalError");
  return isStack ? { raised: false, problem: "nests too deep" } : undefined;
}
