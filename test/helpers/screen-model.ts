/** What a terminal shows after a stream of bytes: lines, and the few escape codes that programs like ours write. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are control characters.
const CODE = /\x1b\[(\??)(\d*)(?:;\d*)*([A-Za-z])|\x1b([78])|[\s\S]/gu;

/** The lines on a terminal that is `columns` wide and never scrolls, trailing blanks left out. */
export function screenAfter(bytes: string, columns = 80): readonly string[] {
  const lines: string[][] = [[]];
  let [row, column] = [0, 0];
  let saved = [0, 0];
  const lineAt = (r: number): string[] => {
    while (lines.length <= r) lines.push([]);
    return lines[r];
  };
  const put = (character: string) => {
    if (column === columns) [row, column] = [row + 1, 0];
    const line = lineAt(row);
    while (line.length < column) line.push(" ");
    line[column++] = character;
  };
  for (const [whole, , number, code, cursor] of bytes.matchAll(CODE)) {
    const count = Number(number === undefined || number === "" ? 1 : number);
    if (cursor === "7") saved = [row, column];
    else if (cursor === "8") [row, column] = saved;
    else if (code === "A") row = Math.max(0, row - count);
    else if (code === "B") row += count;
    else if (code === "C") column = Math.min(columns - 1, column + count);
    else if (code === "D") column = Math.max(0, column - count);
    else if (code === "G") column = count - 1;
    else if (code === "K") eraseLine(lineAt(row), column, number);
    else if (code === "J") {
      eraseLine(lineAt(row), column, "0");
      lines.length = row + 1;
    } else if (code !== undefined)
      continue; // colours and modes
    else if (whole === "\r") column = 0;
    else if (whole === "\n") row++;
    else put(whole);
    lineAt(row);
  }
  const shown = lines.map((line) => line.join("").trimEnd());
  return shown.slice(0, shown.findLastIndex((line) => line !== "") + 1);
}

function eraseLine(line: string[], column: number, which: string | undefined): void {
  const [from, to] = which === "1" ? [0, column + 1] : which === "2" ? [0, line.length] : [column, line.length];
  line.fill(" ", from, to);
}
