/** Where the numbers come from: versions, hashes, command lines. */
import { groupBy } from "../base/group-by.ts";
import { code, htmlTable } from "./draw/html-table.ts";
import { escapeHtml, plural } from "./draw/number-format.ts";
import type { MeasuredCell } from "./results/read-cells.ts";

/** A result file as it was read. */
export interface ResultFile {
  readonly name: string;
  readonly hash: string;
  readonly cells: readonly MeasuredCell[];
}

export function provenanceSection(files: readonly ResultFile[], version: string): string {
  const cells = files.flatMap((file) => file.cells);
  const commands = [...new Set(cells.flatMap(({ command }) => command ?? []))];
  const minutes = cells.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  return [
    '<section id="provenance">\n<h2>Provenance</h2>',
    `<p>${plural(cells.length, "cell")}, measured in ${minutes.toFixed(1)} minutes; page by Quern ${escapeHtml(version)}.</p>`,
    htmlTable(
      "Files of results",
      [
        { title: "file", cell: ({ name }) => escapeHtml(name) },
        { title: "cells", numeric: true, cell: (file) => String(file.cells.length) },
        { title: "SHA-256", cell: ({ hash }) => code(hash) },
      ],
      files,
    ),
    versionTable(cells),
    hashTable(cells),
    commands.length === 0 ? "" : `<h3>Command lines</h3>\n<pre>${commands.map(escapeHtml).join("\n")}</pre>`,
    "</section>",
  ].join("\n");
}

/** A row for every set of versions that measured something. */
function versionTable(cells: readonly MeasuredCell[]): string {
  const names = [...new Set(cells.flatMap(({ versions }) => Object.keys(versions)))];
  const sets = [...groupBy(cells, ({ versions }) => JSON.stringify(names.map((name) => versions[name]))).values()];
  return htmlTable(
    "Versions",
    [
      ...names.map((name) => ({
        title: name,
        cell: ([{ versions }]: MeasuredCell[]) => escapeHtml(String(versions[name] ?? "")),
      })),
      { title: "cells", numeric: true, cell: (own) => String(own.length) },
    ],
    sets,
  );
}

interface Hash {
  readonly model: string;
  readonly what: string;
  readonly hash: string;
}

/** The hashes of every model and of every draw of its calibration tokens, each once. */
function hashTable(cells: readonly MeasuredCell[]): string {
  const rows = new Map<string, Hash>();
  for (const { model, calibration, hashes } of cells) {
    for (const [name, hash] of Object.entries(hashes)) {
      const what = name === "calibration" && calibration !== null ? `${name} ${calibration}` : name;
      rows.set(JSON.stringify([model, what, hash]), { model, what, hash });
    }
  }
  return htmlTable<Hash>(
    "Hashes",
    [
      { title: "model", cell: ({ model }) => escapeHtml(model) },
      { title: "of", cell: ({ what }) => escapeHtml(what) },
      { title: "hash", cell: ({ hash }) => code(hash) },
    ],
    [...rows.values()].sort((a, b) => Number(a.model > b.model) - Number(a.model < b.model)),
  );
}
