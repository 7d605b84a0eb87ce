// Shortens the names of functions in a built module, which profilers show: `tile<i8>` without the paths of the sources.
import { changedModule, number, section, text } from "./wasm-sections.mjs";

const CUSTOM = 0;
const FUNCTION_NAMES = 1;

/** @returns a copy of `bytes` without names: the package has none, since they take 5 KB. */
export function withoutNames(bytes) {
  return changedModule(bytes, CUSTOM, () => undefined);
}

/** @returns a copy of `bytes` whose name section names the functions only, each without paths. */
export function shortenNames(bytes) {
  return changedModule(bytes, CUSTOM, (body) =>
    body.text() === "name" ? section(CUSTOM, text("name"), functionNames(body)) : undefined,
  );
}

function functionNames(reader) {
  while (reader.at < reader.end) {
    const [id, size] = [reader.number(), reader.number()];
    if (id !== FUNCTION_NAMES) {
      reader.at += size;
      continue;
    }
    const count = reader.number();
    const entries = [number(count)];
    for (let i = 0; i < count; i++)
      entries.push(number(reader.number()), text(reader.text().replaceAll(/[\w/~-]*\//g, "")));
    return section(FUNCTION_NAMES, ...entries);
  }
  throw new Error("the built module names no functions");
}
