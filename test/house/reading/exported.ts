/** What the package exports: every name that its entries lead to, with the file that declares it. */
import { skeleton } from "./skeleton.ts";
import { readRepository, resolveImport } from "./sources.ts";

export interface Exported {
  readonly file: string;
  readonly name: string;
  /** The comment right before the declaration; undefined where there is none. */
  readonly docstring: string | undefined;
}

const REEXPORT = /^export (?:type )?(\*|\{[^}]*\}) from "([^"]+)";/gm;
/** A topic: all names of a file under one. */
const NAMESPACE = /^export \* as (\w+) from "([^"]+)";/gm;
const DECLARATION = /^export (?:declare |abstract |async )*(?:function\*?|class|interface|type|const) (\w+)/gm;

/** Every export of a file, or those of the given names, followed to where they are declared. */
export function exportsOf(file: string, names?: readonly string[]): Exported[] {
  const text = readRepository(file);
  const wanted = (name: string) => names === undefined || names.includes(name);
  const own = [...text.matchAll(DECLARATION)]
    .filter(({ 1: name }) => wanted(name))
    .map(({ 1: name, index }) => ({ file, name, docstring: docstringBefore(text, index) }));
  const passed = [...text.matchAll(REEXPORT)].flatMap(({ 1: list, 2: specifier }) => {
    const target = resolveImport(file, specifier) as string;
    if (list === "*") return exportsOf(target, names);
    const listed = list.match(/\w+/g)?.filter((word) => word !== "type" && wanted(word)) ?? [];
    return listed.length === 0 ? [] : exportsOf(target, listed);
  });
  return [...own, ...passed];
}

/** The topics of an entry: a name, and the file whose exports it gathers. */
export function topicsOf(entry: string): readonly { readonly name: string; readonly file: string }[] {
  return [...readRepository(entry).matchAll(NAMESPACE)].map(([, name, specifier]) => {
    return { name, file: resolveImport(entry, specifier) as string };
  });
}

function docstringBefore(text: string, index: number): string | undefined {
  const comment = /\/\*\*((?:(?!\*\/).)*)\*\/\n$/s.exec(text.slice(0, index));
  if (comment === null || skeleton(comment[0], "comments").trim() !== "") return undefined;
  return comment[1]
    .replace(/^\s*\*/gm, "")
    .replace(/\s+/g, " ")
    .trim();
}
