/** Tables of text: aligned columns for a terminal, or markdown. */

export interface TextColumn {
  readonly title: string;
  /** `right` is for numbers. */
  readonly align?: "left" | "right";
}

export interface TableOptions {
  readonly markdown?: boolean;
}

/** Every row has a cell for every column. The table ends in a newline. */
export function renderTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const isMarkdown = options.markdown === true;
  const cells = isMarkdown ? rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|"))) : rows;
  const widths = columns.map((column, c) =>
    Math.max(isMarkdown ? 3 : 0, widthOf(column.title), ...cells.map((row) => widthOf(row[c]))),
  );
  const line = (row: readonly string[]): string => {
    const padded = row.map((cell, c) => pad(cell, widths[c], columns[c].align));
    return isMarkdown ? `| ${padded.join(" | ")} |` : padded.join("  ").trimEnd();
  };
  const rule = columns.map((column, c) => ruleOf(widths[c], column.align, isMarkdown));
  const lines = [line(columns.map((column) => column.title)), line(rule), ...cells.map(line)];
  return `${lines.join("\n")}\n`;
}

function ruleOf(width: number, align: TextColumn["align"], isMarkdown: boolean): string {
  return isMarkdown && align === "right" ? `${"-".repeat(width - 1)}:` : "-".repeat(width);
}

function pad(cell: string, width: number, align: TextColumn["align"]): string {
  const space = " ".repeat(Math.max(0, width - widthOf(cell)));
  return align === "right" ? space + cell : cell + space;
}

const ESCAPE = String.fromCharCode(0x1b);
const COLOURS = new RegExp(`${ESCAPE}\\[[0-9;]*m`, "g");

/** The number of characters, without those of colours. */
function widthOf(cell: string): number {
  return [...cell.replace(COLOURS, "")].length;
}
