import { readFileSync } from 'node:fs';
import { emergencyScopes } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { lifeCycles } from '../../components/transaction-registry/src/life-cycles/index.ts';

// Every emergency scope against every interface: one that accepts such a scope must only read or stop.

interface Operation {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

const document = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
const known: ReadonlySet<string> = new Set(emergencyScopes);

/** Each of them ends, suspends or locks something; because they change something, they are listed one by one. */
const stopping: readonly string[] = [
  'POST /grants/{id}/revoke',
  'POST /mandates/{id}/amendments/withdraw',
  'POST /mandates/{id}/revoke',
  'POST /mandates/{id}/suspend',
  'POST /people/{person}/lock',
  'POST /people/{person}/sessions/end',
  'POST /people/{person}/sessions/{id}/end',
  'DELETE /people/{person}/sessions',
  'DELETE /people/{person}/sessions/{id}',
  'POST /revocations',
  // Depends on the event; see below.
  'POST /transactions/{id}/transitions',
  'POST /venues/{name}/cancellations',
];
/** Requests with a body that change nothing. */
const asking: readonly string[] = [
  'POST /mandates/compare',
  'POST /mandates/{id}/validate',
  'POST /mandates/{id}/validity',
  'POST /venues/{name}/queries',
];

describe('emergency access', () => {
  it('is accepted only by interfaces that read or stop', () => {
    const opened = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, { security = [] }]) =>
          security.some((way) => Object.values(way).some((scopes) => scopes.some((scope) => known.has(scope)))),
        )
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(opened.length).toBeGreaterThan(15);
    expect(
      opened.filter((door) => !door.startsWith('GET ') && !stopping.includes(door) && !asking.includes(door)),
    ).toEqual([]);
  });

  it('can only end a transaction, not advance it', () => {
    const steps = Object.values(lifeCycles).flatMap(({ rules }) =>
      Object.entries(rules).flatMap(([event, rule]) =>
        rule !== undefined && known.has(rule.scope) ? [[event, rule.to]] : [],
      ),
    );
    expect(new Map(steps.map(([event, to]) => [event, to]))).toEqual(
      new Map([
        ['cancel', 'cancelled'],
        ['expire', 'expired'],
      ]),
    );
  });
});
