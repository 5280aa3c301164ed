import { accept, type Parsed, refuse } from '../parsed.ts';

export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * RFC 4180; lines end with CR LF, LF or CR; a byte-order mark and blank lines are skipped. A row with another number
 * of cells than the first is refused: its values could end up under the wrong headings.
 */
export function readCsv(
  text: string,
  limits: { readonly maxLength: number },
): Parsed<readonly CsvRow[], 'csv_malformed'> {
  if (text.length > limits.maxLength) return refuse('csv_malformed', 'The file is too long.');
  const rows: CsvRow[] = [];
  let position = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;

  while (position < text.length) {
    const startLine = line;
    const cells: string[] = [];
    for (;;) {
      let cell: string;
      if (text[position] === '"') {
        const quoted = readQuoted(text, position);
        if (quoted === undefined) return refuse('csv_malformed', `A quote on line ${line} is not closed.`);
        cell = quoted.cell;
        line += quoted.lineBreaks;
        position = quoted.end;
        const next = text[position];
        if (next !== undefined && next !== ',' && next !== '\r' && next !== '\n')
          return refuse('csv_malformed', `Text follows a closing quote on line ${line}.`);
      } else {
        const start = position;
        while (position < text.length && !',\r\n"'.includes(text.charAt(position))) position++;
        if (text[position] === '"')
          return refuse('csv_malformed', `A quote stands inside an unquoted cell on line ${line}.`);
        cell = text.slice(start, position);
      }
      cells.push(cell);
      if (text[position] !== ',') break;
      position++;
    }
    if (text[position] === '\r') position++;
    if (text[position] === '\n') position++;
    line++;
    if (cells.length === 1 && cells[0] === '') continue;
    const width = rows[0]?.cells.length ?? cells.length;
    if (cells.length !== width)
      return refuse('csv_malformed', `Line ${startLine} has ${cells.length} cells where the heading has ${width}.`);
    rows.push({ line: startLine, cells });
  }
  return accept(rows);
}

function readQuoted(text: string, open: number): { cell: string; end: number; lineBreaks: number } | undefined {
  let cell = '';
  let from = open + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return undefined;
    cell += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      return { cell, end: quote + 1, lineBreaks: cell.split(/\r\n|\r|\n/).length - 1 };
    }
    cell += '"';
    from = quote + 2;
  }
}
