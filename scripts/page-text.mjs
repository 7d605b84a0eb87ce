// The script and the style sheet of a report's page are texts in its sources, where they are laid out to be read. The package has them without spaces:
// 2 KB less, in each page too.
import { parseAst } from "rolldown/parseAst";
import { minifySync } from "rolldown/utils";

const SMALLER = {
  "page-script.ts": (text) => minifySync("page.js", text, { compress: true, mangle: true }).code.trim(),
  "page-style.ts": (text) => text.replace(/\s*([{};,\n])\s*/g, "$1").replace(/\n|(?<=:) |;(?=})/g, ""),
};

/** A plugin of the bundler: the one text of each of these modules becomes smaller. */
export const smallPageTexts = {
  name: "page texts",
  transform(source, id) {
    const smaller = Object.entries(SMALLER).find(([file]) => id.endsWith(`/${file}`))?.[1];
    if (smaller === undefined) return null;
    const declared = parseAst(source, { lang: "ts" }).body.find(({ type }) => type === "ExportNamedDeclaration");
    const { init } = declared.declaration.declarations[0];
    const text = JSON.stringify(smaller(init.quasis[0].value.cooked));
    return source.slice(0, init.start) + text + source.slice(init.end);
  },
};
