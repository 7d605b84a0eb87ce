/** Reads and writes comma-separated values (RFC 4180). Lines end with `\n`; a `\r` before it belongs to the last field, unless that has quotes. */

/** A line as fields. `fault` tells which rule its quotes break: a quoted field does not end, or has a single quote inside. */
export interface CsvRow {
  readonly fields: readonly string[];
  readonly fault?: QuoteFault;
}

export type QuoteFault = "unclosed" | "inner";

/** A field, and where it ends: at a comma, at a line end or at the end of the text. */
interface Field {
  readonly value: string;
  readonly end: number;
  readonly fault?: QuoteFault;
}

/** The rows of a text; one that ends with a line end has an empty row after it. */
export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  for (let at = 0; at <= text.length; at++) {
    const fields: string[] = [];
    let fault: QuoteFault | undefined;
    for (let more = true; more; ) {
      const field = text[at] === '"' ? quotedField(text, at + 1) : plainField(text, at);
      fields.push(field.value);
      fault = field.fault ?? fault;
      more = text[field.end] === ",";
      at = more ? field.end + 1 : field.end;
    }
    rows.push(fault === undefined ? { fields } : { fields, fault });
  }
  return rows;
}

function plainField(text: string, from: number): Field {
  const end = endOfPlain(text, from);
  return { value: text.slice(from, end), end };
}

/** What follows a closing quote. */
const CLOSED = /[^\S\n]*(?:[,\n]|$)/y;

/** A field after its opening quote. Blanks may follow the closing one. */
function quotedField(text: string, from: number): Field {
  let fault: QuoteFault | undefined;
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    if (text[at + 1] === '"') {
      at++;
      continue;
    }
    CLOSED.lastIndex = at + 1;
    if (CLOSED.test(text))
      return { value: text.slice(from, at).replaceAll('""', '"'), end: endOfPlain(text, at + 1), fault };
    fault = "inner";
  }
  return { value: text.slice(from), end: text.length, fault: "unclosed" };
}

/** The first comma or line end from here on, or the end of the text. */
function endOfPlain(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "," && text[at] !== "\n") at++;
  return at;
}

/** Records as a text with a header, which names the fields of all of them. A field that is undefined, null or absent is empty. */
export function csvText(records: readonly object[]): string {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const lines = records.map((record) => names.map((name) => (record as Readonly<Record<string, unknown>>)[name]));
  return [names, ...lines].map((fields) => `${fields.map(csvField).join(",")}\n`).join("");
}

function csvField(value: unknown): string {
  const text = String(value ?? "");
  return /[",\r\n\ufeff]|^ | $/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
