import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { exportsOf, topicsOf } from "./reading/exported.ts";
import { ENTRIES } from "./reading/rooms.ts";

/** Names of an entry, its types and topics included, that a reader can keep in mind. */
const MOST_NAMES = 40;
const TOPICS = ENTRIES.flatMap((entry) => topicsOf(entry).map(({ file }) => file));

describe.each(ENTRIES)("names of %s", (entry) => {
  it(`are at most ${MOST_NAMES}`, () => {
    const names = new Set([...exportsOf(entry), ...topicsOf(entry)].map(({ name }) => name));
    expect(names.size).toBeLessThanOrEqual(MOST_NAMES);
  });
});

/** Its kernels are modules that only workerd imports; ci/smoke.mjs runs it there. */
const ONLY_IN_WORKERD = "src/workerd.ts";

describe.each([...ENTRIES, ...TOPICS])("exports of %s", (entry) => {
  const found = exportsOf(entry);

  it.skipIf(entry === ONLY_IN_WORKERD)("are all found", async () => {
    const values = Object.keys((await import(repositoryFile(entry))) as object);
    expect(values.length).toBeGreaterThan(0);
    const names = new Set([...found, ...topicsOf(entry)].map(({ name }) => name));
    expect(values.filter((name) => !names.has(name))).toEqual([]);
  });

  it("say what they are", () => {
    const silent = found.filter(({ docstring }) => docstring === undefined || docstring.split(" ").length < 3);
    expect(silent.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });
});

describe("entries of one name", () => {
  it.each(["src/index.ts", ONLY_IN_WORKERD])("%s exports what pages have", (entry) => {
    const namesOf = (file: string) => [...new Set(exportsOf(file).map(({ name }) => name))].sort();
    expect(namesOf(entry)).toEqual(namesOf("src/web.ts"));
  });
});
