import type { RecordDraft } from '@countersign/contracts';
import { digestOf, newId, systemClock, systemRandom } from '@countersign/kernel';
import { createGroupCommit } from '@countersign/runtime';
import type { InProcess } from '../in-process.ts';
import { type Contender, measureInTurn, type Result, type Round, roundOf } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { descendantsCpuUs } from '../process-tree-cpu.ts';

/** The audit log and the floor beneath it, with so many callers at once. */
export interface AppendResults {
  readonly callers: number;
  readonly results: readonly Result[];
}

/**
 * Appends to the audit log, beside the least that could make as many bytes durable: the same rows through a group
 * commit into a table without index, tree or columns; and, for a lone caller, one INSERT after the other.
 */
export async function measureAppends(options: {
  readonly inProcess: InProcess;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly AppendResults[]> {
  const { inProcess, pace, onProgress } = options;
  const { auditLog } = inProcess;
  const floor = createFloor(inProcess, Buffer.byteLength(JSON.stringify(draft())) + 42);
  const all: AppendResults[] = [];
  for (const callers of pace.appenders) {
    const contender = (name: string, append: () => Promise<unknown>) => repeated({ name, callers, append, pace });
    const contenders = [
      contender('audit log', () => auditLog.append(draft())),
      contender('floor: rows of the same size, group commit', floor.groupCommit),
      ...(callers === 1 ? [contender('floor: a lone INSERT', floor.loneInsert)] : []),
    ];
    const results = await measureInTurn(
      contenders,
      { rounds: pace.rounds, seconds: pace.inProcessSeconds },
      (message) => onProgress(`appends, ${callers} at once: ${message}`),
    );
    all.push({ callers, results });
  }
  return all;
}

/** So many callers, each of which appends again as soon as its last append is durable. */
function repeated({
  name,
  callers,
  append,
  pace,
}: {
  readonly name: string;
  readonly callers: number;
  readonly append: () => Promise<unknown>;
  readonly pace: Pace;
}): Contender {
  const round = async (seconds: number): Promise<Round> => {
    const latencies: number[] = [];
    const began = performance.now();
    const until = began + seconds * 1000;
    const cpuBefore = process.cpuUsage();
    const databaseBefore = descendantsCpuUs(process.pid);
    const call = async (): Promise<void> => {
      for (let sentAt = performance.now(); sentAt < until; ) {
        await append();
        const doneAt = performance.now();
        latencies.push(doneAt - sentAt);
        sentAt = doneAt;
      }
    };
    await Promise.all(Array.from({ length: callers }, call));
    const elapsed = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    const databaseAfter = descendantsCpuUs(process.pid);
    return roundOf({
      operations: latencies.length,
      seconds: elapsed,
      latenciesMs: Float64Array.from(latencies),
      cpuUs: user + system,
      databaseCpuUs:
        databaseBefore === undefined || databaseAfter === undefined ? undefined : databaseAfter - databaseBefore,
    });
  };
  return {
    name,
    async warmUp() {
      await round(pace.warmUpSeconds);
    },
    round,
  };
}

function createFloor({ scratch }: InProcess, size: number) {
  const pool = scratch.pool('benchmark-floor', { maxConnections: 2 });
  const row = Buffer.alloc(size, 'x');
  let place = 0;
  const batches = createGroupCommit<Buffer, true>({
    maxBatch: 512,
    maxQueued: 10_000,
    async flush(rows) {
      const first = place;
      place += rows.length;
      // One parameter for all the bytes: an array of them would be escaped one by one.
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
      pool.query({
        name: 'floor-row',
        text: 'insert into floor_rows (place, bytes) values ($1, $2)',
        values: [place++, row],
      }),
  };
}

const intent = digestOf({ benchmark: true });

/** As large as the record of an issued token is. */
function draft(): RecordDraft {
  const id = newId('record', { clock: systemClock, random: systemRandom });
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
    address: '127.0.0.1',
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
