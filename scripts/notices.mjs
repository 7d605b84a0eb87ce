// Writes the licences of the packages that dist/ contains.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @param folders the packages' folders. @returns Markdown: packages with the same words of licence stand together. */
export function thirdPartyNotices(folders) {
  const licences = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined || !existsSync(join(folder, file))) throw new Error(`${folder}: found no licence`);
    const text = readFileSync(join(folder, file), "utf8").replace(/\r/g, "").trim();
    const copyright = /^\s*Copyright .*$/m.exec(text)?.[0].trim() ?? "";
    const words = wordsOf(text);
    const group = licences.get(words) ?? [];
    licences.set(words, [...group, `- ${name} ${version} (${license}). ${copyright}`]);
  }
  const own = wordsOf(readFileSync(new URL("../LICENSE", import.meta.url), "utf8"));
  const sections = [...licences].map(([words, packages]) => {
    const told = words === own ? "The permission notice of these is that of the file LICENSE of this package." : words;
    return `${packages.join("\n")}\n\n${told}\n`;
  });
  return `# Packages that these scripts contain\n\n${sections.join("\n")}`;
}

/** Licences of one kind differ in their title, line ends and holder only. */
function wordsOf(licence) {
  return licence
    .slice(licence.search(/Permission /))
    .replace(/\s+/g, " ")
    .trim();
}
