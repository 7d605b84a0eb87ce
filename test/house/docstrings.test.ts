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

describe.each([...ENTRIES, ...TOPICS])("exports of %s", (entry) => {
  const found = exportsOf(entry);

  it("are all found", async () => {
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
