/** The parts of bundles' writing and reading that are loaded when they are needed: most programs that quantise need neither. */
export { writeBundleFolder } from "./write-bundle-folder.ts";
export { writeEntries } from "./write-entries.ts";
