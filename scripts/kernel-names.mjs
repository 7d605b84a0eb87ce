// Shortens the names of functions in a built module, which profilers show: `tile<i8>` without the paths of the sources.
import { number, Reader, section, sections, text } from "./wasm-sections.mjs";

const CUSTOM = 0;
const FUNCTION_NAMES = 1;

/** @returns a copy of `bytes` whose name section names the functions only, each without paths. */
export function shortenNames(bytes) {
  const parts = [bytes.subarray(0, 8)];
  for (const { id, from, begin, end } of sections(bytes)) {
    if (id !== CUSTOM) {
      parts.push(bytes.subarray(from, end));
      continue;
    }
    const body = new Reader(bytes, begin, end);
    if (body.text() === "name") parts.push(section(CUSTOM, text("name"), functionNames(body)));
  }
  return Buffer.concat(parts);
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
