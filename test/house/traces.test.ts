import { existsSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { headingLinksOf, headingsOf, linksOf } from "./reading/markdown.ts";
import { listFiles, readRepository, trackedFiles } from "./reading/sources.ts";

/** Absolute paths of somebody's machine. A path inside a URL or a longer path is none. */
const MACHINE_PATH = /(?<![\w.:/})-])\/(?:home|Users|root|work|mnt)\/[\w.-]/;
const TEXT = /\.(?:ts|mjs|js|json|jsonl|md|txt|html)$|(?:^|\/)[^.]+$/;

const files = (trackedFiles() ?? ["src", "test", "docs"].flatMap((folder) => listFiles(folder, ""))).filter((file) =>
  TEXT.test(file),
);

describe("files of the repository", () => {
  it("name no path of the machine they were written on", () => {
    expect(files.length).toBeGreaterThan(40);
    const found = files.flatMap((file) => {
      const hit = MACHINE_PATH.exec(readRepository(file));
      return hit === null ? [] : [`${file}: ${hit[0]}`];
    });
    expect(found).toEqual([]);
  });

  it("link in Markdown to files that are there", () => {
    const documents = files.filter((file) => file.endsWith(".md"));
    expect(documents.length).toBeGreaterThan(0);
    const broken = documents.flatMap((file) =>
      linksOf(readRepository(file))
        .filter((link) => !existsSync(repositoryFile(posix.join(posix.dirname(file), link))))
        .map((link) => `${file}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it("link in Markdown to headings that are there", () => {
    const documents = files.filter((file) => file.endsWith(".md"));
    const links = documents.flatMap((file) =>
      headingLinksOf(readRepository(file)).map(([to, heading]) => ({ file, to, heading })),
    );
    expect(links.length).toBeGreaterThan(10);
    const broken = links.filter(({ file, to, heading }) => {
      const target = to === "" ? file : posix.join(posix.dirname(file), to);
      return !headingsOf(readRepository(target)).includes(heading);
    });
    expect(broken).toEqual([]);
  });
});
