import {
  type ConsistencyClaim,
  coverRange,
  createNodeReader,
  Frontier,
  formatTlogProof,
  type InclusionClaim,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  verifyConsistency,
  verifyInclusion,
  verifyTlogProof,
} from '@countersign/merkle-log';
import type { EvidenceSite } from '../evidence/evidence-site.ts';
import { filledLogStore, type LogTable } from '../evidence/filled-log-store.ts';
import { logOrigin } from '../evidence/product-log.ts';
import { repeated, timed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import { type Contender, figure, measureInTurn, type Result, sum } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { bySize, inMs, number, table, verdict } from '../table.ts';
import { logGrowthSection } from './log-growth.ts';
import type { SuiteOptions } from './suite.ts';

export interface ProofResults {
  /** One for each kind of proof, made and verified; a result for each size, smallest first. */
  readonly proofs: readonly { readonly name: string; readonly results: readonly Result[] }[];
  readonly sizes: readonly {
    readonly name: string;
    readonly records: number;
    readonly bytes: Readonly<Record<LogTable, number>>;
    readonly termsIndexedASecond: number | undefined;
  }[];
}

/** Proofs that are made in advance and verified in turn. */
const proofsMade = 256;

/**
 * Proofs about records in logs of different sizes: made by the log from its rows, and verified with only the checkpoint
 * and the key. Every proof must hold. Also the size of a record on disk.
 */
export async function measureProofs(
  options: SuiteOptions & { readonly sites: readonly EvidenceSite[] },
): Promise<ProofResults> {
  const { sites, pace, onProgress } = options;
  const sizes = await Promise.all(
    sites.map(async ({ name, records, owner, termsIndexedASecond }) => ({
      name,
      records,
      bytes: await filledLogStore(owner).bytes(),
      termsIndexedASecond,
    })),
  );
  const asked = await Promise.all(sites.map((site) => questionsAbout(site, pace)));
  const turns = { rounds: pace.evidence.rounds, seconds: pace.evidence.seconds };
  const proofs: { name: string; results: readonly Result[] }[] = [];
  for (const name of proofNames) {
    const contenders = asked.flatMap((of) => of[name]);
    proofs.push({ name, results: await measureInTurn(contenders, turns, about(name, onProgress)) });
  }
  return { proofs, sizes };
}

const proofNames = [
  'inclusion, made',
  'inclusion, verified',
  'consistency, made',
  'consistency, verified',
  'tlog-proof file, made',
  'tlog-proof file, verified',
] as const;

async function questionsAbout(
  { name, auditLog, owner }: EvidenceSite,
  pace: Pace,
): Promise<Readonly<Record<(typeof proofNames)[number], Contender>>> {
  const note = await auditLog.checkpoint();
  const { size, root } = headOf(note);
  const key = parseVerifierKey(auditLog.verifierKey());
  if (!key.ok) throw new Error('the log has no key');
  const logKeys = [key.key];
  const store = filledLogStore(owner);
  const rootAt = async (at: bigint): Promise<Buffer> => {
    const read = createNodeReader({
      size: at,
      readTile: async (tile) => (await auditLog.tile(tile)) ?? Buffer.alloc(0),
    });
    return Frontier.restore({ size: at, hashes: await read(coverRange({ begin: 0n, end: at })) }).root();
  };

  /** Scattered over the log, so that neighbours of recent reads are not read. */
  const placeOf = (number: number): bigint => (BigInt(number) * 2_654_435_761n + 12_345n) % size;
  const pairOf = (number: number) => {
    const [one, other] = [placeOf(number) + 1n, placeOf(number * 7 + 3) + 1n];
    return one < other ? { from: one, to: other } : { from: other, to: one };
  };

  const included: { readonly claim: InclusionClaim; readonly file: string }[] = [];
  const consistent: ConsistencyClaim[] = [];
  for (let number = 0; number < proofsMade; number++) {
    const index = placeOf(number);
    const leafHash = await store.leafHashes(index, 1);
    const proof = await auditLog.proveInclusion(index, size);
    const file = formatTlogProof({ index, hashes: proof.map((hash) => Buffer.from(hash)), checkpoint: note });
    included.push({ claim: { index, size, leafHash, proof, root }, file });
    const { from, to } = pairOf(number);
    const [fromRoot, toRoot] = [await rootAt(from), await rootAt(to)];
    consistent.push({ from, to, fromRoot, toRoot, proof: await auditLog.proveConsistency(from, to) });
  }

  let made = proofsMade;
  const making = (work: (number: number) => Promise<unknown>) =>
    repeated({ name, callers: 1, work: () => work(made++), warmUpSeconds: pace.warmUpSeconds });
  const verifying = (work: (number: number) => { readonly ok: boolean }) =>
    timed(name, pace, (number) => {
      if (!work(number).ok) throw new Error('a proof does not hold');
    });
  return {
    'inclusion, made': making((number) => auditLog.proveInclusion(placeOf(number), size)),
    'inclusion, verified': verifying((number) => verifyInclusion(pick(included, number).claim)),
    'consistency, made': making((number) => {
      const { from, to } = pairOf(number);
      return auditLog.proveConsistency(from, to);
    }),
    'consistency, verified': verifying((number) => verifyConsistency(pick(consistent, number))),
    'tlog-proof file, made': making(async (number) => {
      const index = placeOf(number);
      const hashes = await auditLog.proveInclusion(index, size);
      return formatTlogProof({ index, hashes: hashes.map((hash) => Buffer.from(hash)), checkpoint: note });
    }),
    'tlog-proof file, verified': verifying((number) => {
      const { claim, file } = pick(included, number);
      return verifyTlogProof({ file, leafHash: claim.leafHash, origin: logOrigin, logKeys });
    }),
  };
}

function headOf(note: string): { readonly size: bigint; readonly root: Buffer } {
  const parsed = parseNote(note);
  const said = parsed.ok ? parseCheckpoint(parsed.note.text) : undefined;
  if (said?.ok !== true) throw new Error('a checkpoint that cannot be read');
  return { size: said.checkpoint.size, root: Buffer.from(said.checkpoint.root) };
}

/** Proofs at each size of the log, the size of a record on disk, and the cost of an append. */
export function proofSections(
  { proofs, sizes, appends }: ProofResults & { readonly appends: readonly Result[] },
  pace: Pace,
): readonly string[] {
  const { rounds } = pace.evidence;
  const slowest = proofs.map(({ name, results }) => {
    const largest = results.at(-1);
    return verdict(
      `p99, ${name}, ${largest?.name ?? ''}`,
      largest === undefined ? undefined : figure(largest, 'p99Ms'),
      { atMost: 5 },
      rounds,
      inMs(2),
    );
  });
  return [
    [bySize('Proofs, a lone caller', proofs), ...slowest].join('\n'),
    table('Bytes on the disk a record, with indexes', [
      ['', 'all', 'places and hashes', 'bodies', 'tiles', 'terms', 'terms drawn/s'],
      ...sizes.map(({ name, records, bytes, termsIndexedASecond }) => [
        name,
        ...[...[sum(Object.values(bytes)), bytes.entries, bytes.bodies, bytes.tiles, bytes.terms]].map((value) =>
          number(value / records, 1),
        ),
        number(termsIndexedASecond, 0),
      ]),
    ]),
    logGrowthSection(appends, pace),
  ];
}
