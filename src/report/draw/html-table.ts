/** Tables of the page, each in a box that scrolls on its own. */
import { escapeHtml, NOTHING } from "./number-format.ts";

export interface HtmlColumn<Row> {
  readonly title: string;
  readonly numeric?: boolean;
  /** The cell as HTML. */
  readonly cell: (row: Row) => string;
}

export interface TableLook<Row> {
  /** A class of the box. */
  readonly style?: string;
  /** The kind of a row, by which readers can hide rows. */
  readonly kind?: (row: Row) => string;
}

/** A table whose first column names the rows. Other columns are left out if all of their cells are empty. */
export function htmlTable<Row>(
  caption: string,
  all: readonly HtmlColumn<Row>[],
  rows: readonly Row[],
  { style = "", kind: rowKind }: TableLook<Row> = {},
): string {
  const columns = all.filter(({ cell }, i) => i === 0 || rows.some((row) => cell(row) !== NOTHING));
  const align = ({ numeric }: HtmlColumn<Row>) => (numeric ? ' class="number"' : "");
  const head = columns.map((column) => `<th scope="col"${align(column)}>${escapeHtml(column.title)}</th>`);
  const body = rows.map((row) => {
    const cells = columns.map((column, i) =>
      i === 0
        ? `<th scope="row"${align(column)}>${column.cell(row)}</th>`
        : `<td${align(column)}>${column.cell(row)}</td>`,
    );
    const data = rowKind === undefined ? "" : ` data-kind="${escapeHtml(rowKind(row))}"`;
    return `<tr${data}>${cells.join("")}</tr>`;
  });
  // A box that scrolls can be reached with the keyboard.
  return `<div class="${`table ${style}`.trim()}" tabindex="0" role="region" aria-label="${escapeHtml(caption)}"><table>
<caption><span>${escapeHtml(caption)}</span></caption>
<thead><tr>${head.join("")}</tr></thead>
<tbody>
${body.join("\n")}
</tbody>
</table></div>`;
}

/** Text in a fixed-width font; long policies can break between their parts. */
export function code(text: string): string {
  return `<code>${escapeHtml(text).replace(/[,+]/g, "$&<wbr>")}</code>`;
}
