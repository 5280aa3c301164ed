import { type GraphRecord, View } from '../graph/record-view.ts';

/** Other members are in `data`, as JSON. */
const columns: readonly (readonly [string, (record: View) => string | number | undefined])[] = [
  ['time', (record) => record.text('time')],
  ['type', (record) => record.text('type')],
  ['outcome', (record) => record.text('outcome')],
  ['reason', (record) => record.text('reason')],
  ['id', (record) => record.text('id')],
  ['source', (record) => record.text('source')],
  ['transaction', (record) => record.text('transaction')],
  ['subject', (record) => record.text('subject', 'id')],
  ['institution', (record) => record.text('subject', 'institution')],
  ['actors', (record) => joined(record.list('actors').flatMap((actor) => actor.text('id') ?? []))],
  ['client', (record) => record.text('client')],
  ['partner', (record) => record.text('partner')],
  ['mandate', (record) => record.text('mandate', 'id')],
  ['mandate_version', (record) => record.number('mandate', 'version')],
  ['policy_version', (record) => record.number('policy', 'version')],
  ['scope', (record) => joined(record.texts('scope'))],
  ['audience', (record) => joined(record.texts('audience'))],
  ['intent', (record) => record.text('intent')],
  ['payload', (record) => record.text('payload')],
  ['references', (record) => joined(record.texts('references'))],
  ['stream', (record) => record.text('stream')],
  ['number', (record) => record.number('number')],
  ['withheld', (record) => joined(record.names('protected'))],
  ['data', (record) => jsonText(record)],
];

function joined(texts: readonly string[]): string | undefined {
  return texts.length === 0 ? undefined : texts.join(' ');
}

function jsonText(record: View): string | undefined {
  const data = record.json('data');
  return data === undefined ? undefined : JSON.stringify(data);
}

/** RFC 4180. */
export const recordRowHead = `${['place', ...columns.map(([name]) => name)].join(',')}\r\n`;

export function recordRow({ index, record }: GraphRecord): string {
  const view = new View(record);
  return `${[index.toString(), ...columns.map(([, read]) => cell(read(view)))].join(',')}\r\n`;
}

/** What a spreadsheet would run as a formula, also full-width or after blanks, gets an apostrophe. */
export function cell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return value.toString();
  const harmless = /^[\s\0\ufeff]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function recordLine({ index, record }: GraphRecord): string {
  return `${JSON.stringify({ index: index.toString(), record })}\n`;
}
