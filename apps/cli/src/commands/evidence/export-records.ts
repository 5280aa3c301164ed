import { once } from 'node:events';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { type GraphRecord, recordLine, recordRow, recordRowHead, renderReport } from '@countersign/evidence';
import { CodedError } from '@countersign/kernel';
import { isObject } from '@countersign/sdk/calling';
import type { Connection } from '../../connection.ts';
import { dim, progressLine } from '../../output.ts';
import { grouped } from '../policy/progress-bar.ts';
import { type QuestionFlags, questionOf } from './question.ts';
import { readExport } from './read-export.ts';

export const exportFormats = ['jsonl', 'csv', 'html'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Limit for a report that people can read. */
const mostInReport = 10_000;

/**
 * Writes all matching records to a file. The file appears only when complete, so an interrupted export leaves nothing behind.
 *
 * @returns the number of records
 * @throws CodedError of the interface; `report_too_large`
 */
export async function exportRecords(
  connection: Connection,
  flags: QuestionFlags,
  { format, out, limit }: { readonly format: ExportFormat; readonly out: string; readonly limit: number },
): Promise<number> {
  const progress = progressLine();
  let count = 0;
  const pages = counted(readExport(connection, flags, limit), (page) => {
    count += page.length;
    progress.update(`${grouped(count)} records${timeOf(page.at(-1))}`);
  });
  const partial = `${out}.part`;
  const file = createWriteStream(partial, { mode: 0o600 });
  // The awaits below report errors. Errors of writes after a cancellation are ignored.
  file.on('error', () => undefined);
  try {
    for await (const text of textOf(pages, format, flags)) if (!file.write(text)) await once(file, 'drain');
    file.end();
    await finished(file);
    renameSync(partial, out);
  } catch (error) {
    file.destroy();
    // Its opening may be under way still, and would leave a file after the removal.
    await finished(file).catch(() => undefined);
    rmSync(partial, { force: true });
    throw error;
  } finally {
    progress.end(dim(`${grouped(count)} records`));
  }
  return count;
}

async function* counted(
  pages: AsyncIterable<readonly GraphRecord[]>,
  count: (page: readonly GraphRecord[]) => void,
): AsyncGenerator<readonly GraphRecord[], void, undefined> {
  for await (const page of pages) {
    count(page);
    yield page;
  }
}

async function* textOf(
  pages: AsyncIterable<readonly GraphRecord[]>,
  format: ExportFormat,
  flags: QuestionFlags,
): AsyncGenerator<string, void, undefined> {
  switch (format) {
    case 'jsonl':
      for await (const page of pages) yield page.map(recordLine).join('');
      return;
    case 'csv':
      yield recordRowHead;
      for await (const page of pages) yield page.map(recordRow).join('');
      return;
    case 'html':
      yield* renderReport({ title: titleOf(flags), about: [], records: await allOf(pages) });
      return;
    default:
      format satisfies never;
  }
}

async function allOf(pages: AsyncIterable<readonly GraphRecord[]>): Promise<readonly GraphRecord[]> {
  const all: GraphRecord[] = [];
  for await (const page of pages) {
    all.push(...page);
    if (all.length > mostInReport)
      throw new CodedError({
        code: 'report_too_large',
        category: 'too-large',
        detail: `A report can hold at most ${grouped(mostInReport)} records. Narrow the period, or export JSON Lines.`,
      });
  }
  return all;
}

function titleOf(flags: QuestionFlags): string {
  const asked = Object.entries(questionOf(flags)).map(([name, value]) => `${name} ${value}`);
  return asked.length === 0 ? 'All records' : asked.join(', ');
}

function timeOf(entry: GraphRecord | undefined): string {
  const time = entry !== undefined && isObject(entry.record) ? entry.record['time'] : undefined;
  return typeof time === 'string' && /^[\dTZ:.-]+$/.test(time) ? `, up to ${time}` : '';
}
