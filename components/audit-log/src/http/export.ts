import { Readable } from 'node:stream';
import { auditLogErrors, type Caller } from '@countersign/contracts';
import {
  bundleLimits,
  type GraphRecord,
  ocsfLine,
  recordLine,
  recordRow,
  recordRowHead,
  renderReport,
} from '@countersign/evidence';
import { toInstant } from '@countersign/kernel';
import { type AccessRequest, described, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { createReading, type Reading } from '../reading/read-records.ts';
import {
  disclosureParameters,
  queryParameters,
  type ReadingRoutes,
  readDisclosure,
  readerOf,
  readQuery,
} from './reading-request.ts';

const exportQuery = Type.Object(
  {
    ...queryParameters,
    ...disclosureParameters,
    limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,6}$', description: 'At most so many records' })),
    format: Type.Enum(['jsonl', 'csv', 'html', 'ocsf'], {
      description:
        'JSON Lines, a table (RFC 4180), a report to read, or events of the Open Cybersecurity Schema Framework as JSON Lines',
    }),
  },
  { additionalProperties: false },
);
type ExportRequest = FastifyRequest<{ Querystring: Static<typeof exportQuery> }>;

const pageSize = 500;
/** A spreadsheet takes about a million rows. */
const maxRows = 1_000_000;

const mediaTypes = {
  jsonl: 'application/jsonl',
  csv: 'text/csv; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ocsf: 'application/jsonl',
} as const;

const extensions = { jsonl: 'jsonl', csv: 'csv', html: 'html', ocsf: 'ocsf.jsonl' } as const;

export function exportRoutes(app: FastifyInstance, { guard, baseUrl, ...dependencies }: ReadingRoutes): void {
  const read = createReading(dependencies);
  const mayExport = (request: AccessRequest) => guard.check(request, { scope: 'audit:export' });

  app.get(
    '/evidence/export',
    described({
      tag: 'evidence',
      summary: 'Export records',
      description:
        'All that the reader may see of what is asked, page by page, each recorded before it is let out. Protected values only where they are asked for, with the scope audit:disclose. A report takes at most 10,000 records. Where there is more than `limit`, or than a million records, the last line names the place after which to go on.',
      scopes: ['audit:export'],
      querystring: exportQuery,
      answers: {
        200: {
          description: 'JSON Lines, CSV or HTML',
          body: Type.String(),
          mediaType: ['application/jsonl', 'text/csv', 'text/html'],
        },
      },
    }),
    withCaller<Caller, ExportRequest>(mayExport, baseUrl, async (request, reply, caller) => {
      const { format, limit, ...asked } = request.query;
      const rows = Math.min(limit === undefined ? maxRows : Number(limit), maxRows);
      const pages = pagesOf({
        ...{ read, most: rows, query: readQuery(asked), by: readerOf(request, caller) },
        asked: readDisclosure(asked),
        isAwaited: () => !reply.raw.destroyed,
      });
      // Read before anything is sent, so that a refusal has a status code.
      const first = await pages.next();
      const all = restOf(first, pages);
      const text =
        format === 'html'
          ? reportOf(await collected(all), asked, caller, toInstant(dependencies.clock.now()))
          : format === 'csv'
            ? rowsOf(all)
            : linesOf(all, format === 'ocsf' ? ocsfLine : recordLine);
      return reply
        .type(mediaTypes[format])
        .header('content-disposition', `attachment; filename="evidence.${extensions[format]}"`)
        .header('cache-control', 'no-store')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
        .send(Readable.from(text));
    }),
  );
}

interface ExportPage {
  readonly records: readonly GraphRecord[];
  /** Set on the last page if the export is incomplete. */
  readonly next: bigint | undefined;
}

async function* pagesOf(request: {
  readonly read: Reading;
  readonly most: number;
  readonly query: ReturnType<typeof readQuery>;
  readonly by: Parameters<Reading>[1];
  readonly asked: Parameters<Reading>[2];
  /** Stops reading when the client disconnects. */
  readonly isAwaited: () => boolean;
}): AsyncGenerator<ExportPage, void, undefined> {
  const { read, most, query, by, asked, isAwaited } = request;
  let after = query.after;
  for (let rows = 0; ; ) {
    const limit = Math.min(pageSize, most - rows);
    const page = await read({ ...query, limit, ...(after === undefined ? {} : { after }) }, by, asked);
    rows += page.records.length;
    const full = rows >= most;
    yield {
      records: page.records,
      next: full ? page.next : undefined,
    };
    if (page.next === undefined || full || !isAwaited()) return;
    after = page.next;
  }
}

async function* restOf(
  first: IteratorResult<ExportPage, void>,
  rest: AsyncGenerator<ExportPage, void, undefined>,
): AsyncGenerator<ExportPage, void, undefined> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

async function* linesOf(
  pages: AsyncIterable<ExportPage>,
  line: (record: GraphRecord) => string,
): AsyncGenerator<string, void, undefined> {
  for await (const { records, next } of pages) {
    yield records.map((record) => line(record)).join('');
    if (next !== undefined) yield `${JSON.stringify({ next: next.toString() })}\n`;
  }
}

async function* rowsOf(pages: AsyncIterable<ExportPage>): AsyncGenerator<string, void, undefined> {
  yield recordRowHead;
  for await (const { records, next } of pages) {
    yield records.map(recordRow).join('');
    if (next !== undefined) yield `more,after ${next}\r\n`;
  }
}

async function collected(pages: AsyncIterable<ExportPage>): Promise<readonly GraphRecord[]> {
  const all: GraphRecord[] = [];
  for await (const { records } of pages) {
    all.push(...records);
    if (all.length > bundleLimits.records)
      throw auditLogErrors.error(
        'bundle_too_large',
        `A report is for reading, and takes at most ${bundleLimits.records} records. Name a time, or export lines.`,
      );
  }
  return all;
}

function reportOf(
  records: readonly GraphRecord[],
  asked: Readonly<Record<string, string>>,
  caller: Caller,
  at: string,
): Generator<string, void, undefined> {
  const question = Object.entries(asked).map(([name, value]) => `${name} ${value}`);
  return renderReport({
    title: question.length === 0 ? 'All records' : question.join(', '),
    about: [
      ['Asked by', caller.subject],
      ['For', caller.institution],
      ['Made at', at],
    ],
    records,
  });
}
