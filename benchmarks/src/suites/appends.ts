import type { RecordDraft } from '@countersign/contracts';
import { digestOf, newId, type RecordId, systemClock, systemRandom } from '@countersign/kernel';
import { createGroupCommit } from '@countersign/runtime';
import { termsBehind } from '../evidence/terms-behind.ts';
import type { InProcess } from '../in-process.ts';
import { repeated } from '../in-process-work.ts';
import { allCpu, figure, measureInTurn, type Result, type Round, ratio, roundOf } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { count, cpu, inMs, latency, rate, section, times, verdict } from '../table.ts';
import type { InProcessOptions } from './suite.ts';

/** The results for a number of concurrent callers. */
export interface AppendResults {
  readonly callers: number;
  /** The log, the log with a protected value in each record, the floors, and the peer. */
  readonly results: readonly Result[];
  /** The index of terms, indexed after each round of the log; an operation is a record. */
  readonly indexed: Result;
}

/**
 * Appends to the audit log as a server opens it, compared with the floor: the same bytes through a group commit of one
 * connection into a table without index, tree or columns. The peer is one INSERT per record over a pool of connections,
 * which PostgreSQL commits together when it can.
 */
export async function measureAppends(options: InProcessOptions): Promise<readonly AppendResults[]> {
  const { inProcess, pace, onProgress } = options;
  const { auditLog } = inProcess;
  const floor = createFloor(inProcess, await recordBytes(inProcess));
  const terms = termsBehind({ auditLog, connection: inProcess.scratch.connection });
  try {
    const all: AppendResults[] = [];
    for (const callers of pace.appenders) {
      const indexed: Round[] = [];
      // Drawing the terms must not burden the next contender.
      const settle = async (): Promise<void> => {
        const counted = await terms.settle();
        if (counted.operations > 0) indexed.push(roundOf(counted));
      };
      const common = { callers, warmUpSeconds: pace.warmUpSeconds };
      const withAddress = () => auditLog.append({ ...draft(), address: '127.0.0.1' });
      const peer = callers === 1 ? 'peer: a lone INSERT' : `peer: an INSERT a record, ${peerConnections} connections`;
      const contenders = [
        repeated({ ...common, name: 'audit log', work: () => auditLog.append(draft()), settle }),
        repeated({ ...common, name: 'audit log, a protected value in each', work: withAddress, settle }),
        repeated({ ...common, name: 'floor: rows of the same size, group commit', work: floor.groupCommit }),
        repeated({ ...common, name: peer, work: floor.loneInsert }),
      ];
      const turns = { rounds: pace.rounds, seconds: pace.inProcessSeconds };
      const results = await measureInTurn(contenders, turns, about(`appends, ${callers} at once`, onProgress));
      all.push({ callers, results, indexed: { name: 'their terms, indexed afterwards', rounds: indexed } });
    }
    return all;
  } finally {
    await terms.stop();
  }
}

/** The size of such a record, with everything that the log adds. */
async function recordBytes({ auditLog }: InProcess): Promise<number> {
  const { id } = await auditLog.append(draft());
  const entry = await auditLog.find(id);
  return Buffer.byteLength(JSON.stringify(entry?.record));
}

/** The default of a component's pool. */
const peerConnections = 10;

function createFloor({ scratch }: InProcess, size: number) {
  const pool = scratch.pool('benchmark-floor', { maxConnections: 1 });
  const peers = scratch.pool('benchmark-floor', { maxConnections: peerConnections, connectTimeoutMs: 30_000 });
  const row = Buffer.alloc(size, 'x');
  let place = 0;
  const batches = createGroupCommit<Buffer, true>({
    maxBatch: 512,
    maxQueued: 10_000,
    async flush(rows) {
      const first = place;
      place += rows.length;
      // One parameter for all bytes, because the elements of an array would be escaped one by one.
      await pool.query({
        name: 'floor-rows',
        text: `insert into floor_rows (place, bytes)
               select $1::bigint + n, substr($2::bytea, n * $3 + 1, $3) from generate_series(0, $4::int - 1) n`,
        values: [first, Buffer.concat(rows), size, rows.length],
      });
      return rows.map(() => true as const);
    },
  });
  return {
    groupCommit: () => batches.submit(row),
    loneInsert: () =>
      peers.query({
        name: 'floor-row',
        text: 'insert into floor_rows (place, bytes) values ($1, $2)',
        values: [place++, row],
      }),
  };
}

const intent = digestOf({ benchmark: true });

/** As large as the record of an issued token. */
export function draft(): RecordDraft {
  const id: RecordId = newId('record', { clock: systemClock, random: systemRandom });
  return {
    id,
    type: 'token.issued',
    source: 'benchmark',
    outcome: 'permit',
    references: [id],
    subject: { id: 'service:bench-trader-1', institution: '5493000ARRANGERDEM94' },
    actors: [],
    client: 'bench-trader-1',
    audience: ['https://venue.example/orders'],
    scope: ['settlement:read', 'trade:read'],
    policy: { version: 1, hash: intent },
    authentication: { method: 'private_key_jwt' },
    data: {
      grant_type: 'client_credentials',
      claims: {
        iss: 'https://control-plane.example',
        sub: 'service:bench-trader-1',
        aud: 'https://venue.example/orders',
        client_id: 'bench-trader-1',
        iat: 1_800_000_000,
        exp: 1_800_000_300,
        jti: id,
        scope: 'settlement:read trade:read',
        cnf: { jkt: intent },
        lei: '5493000ARRANGERDEM94',
        policy_version: 1,
        evidence: id,
      },
      token_sha256: intent,
      decision: {
        id,
        decision: true,
        determining: ['token-for-an-interface'],
        reasons: [],
        entity_version: 1,
        input_digest: intent,
      },
    },
  };
}

/** Durable appends by the number of concurrent callers. */
export function appendsSections(measured: readonly AppendResults[], { rounds }: Pace): readonly string[] {
  const sections = measured.map(({ callers, results, indexed }) => {
    const [log, sealed, ...others] = results;
    const lines = [
      section(
        `Audit-log appends, ${callers === 1 ? 'a lone caller' : `${callers} callers at once`}`,
        [...results, ...(indexed.rounds.length === 0 ? [] : [indexed])],
        [rate('appends/s'), ...latency, ...cpu('process CPU µs')],
      ),
    ];
    if (log === undefined) return lines.join('\n');
    if (sealed !== undefined)
      lines.push(`  ${times(ratio(sealed, log, 'cpuUs'))} the process CPU of the audit log: ${sealed.name}`);
    for (const other of others)
      lines.push(
        `  ${times(ratio(log, other, 'rate'))} the rate and ${times(ratio(allCpu(log), allCpu(other), 'cpuUs'))} all CPU of the ${other.name}`,
      );
    if (callers === latencyAt) lines.push(verdict('p99', figure(log, 'p99Ms'), { atMost: 50 }, rounds, inMs(1)));
    return lines.join('\n');
  });
  const best = Math.max(
    ...measured.flatMap(({ results: [log] }) => (log === undefined ? [] : (figure(log, 'rate') ?? []))),
  );
  return [...sections, verdict('durable appends a second, at the best', best, { atLeast: 20_000 }, rounds, count)];
}

/** Callers at which the latency is judged. */
const latencyAt = 128;
