import { type AuditAppender, auditLogErrors, type ConfiguredExchange, type RecordDraft } from '@countersign/contracts';
import { type Clock, type CodedError, type Json, membersOf, parseInstant } from '@countersign/kernel';
import {
  describeQuorum,
  formatNote,
  meetsQuorum,
  type NoteSignature,
  type PolicyWitness,
  parseCheckpoint,
  parseNote,
  type VerifierKey,
  verifyByPolicy,
} from '@countersign/merkle-log';
import { createRounds, type Logger, type Metrics, type Rounds, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { logEntry, timeOf } from '../record-json.ts';
import type { SignedCheckpoint } from '../signed-head.ts';
import { publicationStore } from '../store/publication.ts';
import type { LogStore } from '../store.ts';
import type { TreeReader } from '../tree-reader.ts';
import { appendOnce, createWitnessAlarms, idOf } from './witness-alarms.ts';
import { createWitnessClient, type WitnessAnswer, type WitnessClient, type WitnessFault } from './witness-client.ts';
import { readWitnessPolicy } from './witness-policy.ts';

export interface WitnessingOptions {
  /** C2SP tlog-policy: the witnesses, their addresses, and the quorum. */
  readonly policy: string;
  readonly exchange: ConfiguredExchange['exchange'];
  /** How often a growing log is published, in milliseconds; 5,000 by default. */
  readonly everyMs?: number;
  /** For one request to a witness; 5,000 by default. */
  readonly timeoutMs?: number;
  /** How long publication may fail before an alarm; 10,000 by default. */
  readonly alarmAfterMs?: number;
  /** Appends are refused above this number of unpublished records; 10,000,000 by default. */
  readonly maxUnpublishedRecords?: number;
  /** Appends are refused if a record is unpublished for longer; 3,600 by default. */
  readonly maxUnpublishedSeconds?: number;
}

export interface Publisher {
  /** A published checkpoint over every record appended before the call. @throws CodedError `log_quorum_missing` */
  publish(): Promise<SignedCheckpoint>;
  /** The newest published checkpoint, by any node. */
  published(): Promise<string | undefined>;
  /** Called for each record. */
  refusal(): CodedError | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** How long to wait for further witnesses once the quorum is met. */
const graceMs = 250;
/** Pause while another node asks the witnesses. */
const turnWaitMs = 100;
const turnTries = 100;

type RoundAnswer = { readonly published: SignedCheckpoint } | { readonly missing: Readonly<Record<string, string>> };

interface PublisherDependencies {
  readonly options: WitnessingOptions;
  readonly pool: pg.Pool;
  readonly store: LogStore;
  readonly tree: TreeReader;
  readonly key: VerifierKey;
  readonly keysBefore: readonly VerifierKey[];
  /** The log's present and earlier keys. */
  readonly ownKeys: () => Promise<readonly VerifierKey[]>;
  readonly keyAt: (size: bigint) => Promise<VerifierKey>;
  /** The signed handovers to another key in trees of at most this size, oldest first. */
  readonly handovers: (until: bigint) => Promise<readonly { readonly size: bigint; readonly checkpoint: string }[]>;
  readonly sign: () => Promise<SignedCheckpoint>;
  readonly admit: (head: { readonly size: bigint; readonly root: Uint8Array }) => Promise<void>;
  readonly size: () => bigint | undefined;
  readonly append: AuditAppender['append'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'counter' | 'gauge'> | undefined;
}

export function createPublisher(dependencies: PublisherDependencies): Publisher {
  const { options, pool, store, tree, sign, admit, append, clock, logger, metrics } = dependencies;
  const { everyMs = 5_000, timeoutMs = 5_000, alarmAfterMs = 10_000 } = options;
  const maxRecords = BigInt(options.maxUnpublishedRecords ?? 10_000_000);
  const maxUnpublishedMs = (options.maxUnpublishedSeconds ?? 3_600) * 1_000;
  const origin = dependencies.key.name;
  const { policy, reachable } = readWitnessPolicy(options.policy, [dependencies.key, ...dependencies.keysBefore]);
  const stored = publicationStore(pool);
  const alarms = createWitnessAlarms({ append, logger, metrics, origin });
  const clients = reachable.map(({ witness, url }) => ({
    witness,
    client: createWitnessClient({
      witness,
      url,
      exchange: options.exchange,
      timeoutMs,
      store: stored,
      tree,
      onFault: (fault) => alarms.raise(witness, fault),
    }),
  }));

  /** Published last by any node. */
  let publishedSize = 0n;
  let shown: SignedCheckpoint | undefined;
  let knownSize = 0n;
  let unpublishedSince: number | undefined;
  let failingSince: number | undefined;
  let alarmed = false;
  /** Set while witnesses contradict the log without a quorum; reset when a quorum cosigns at least this size. */
  let contradictedAt: bigint | undefined;
  let lastRoundAt = Number.NEGATIVE_INFINITY;
  let running: Promise<RoundAnswer> | undefined;
  let ticks: Rounds | undefined;
  let stopped = false;

  metrics?.gauge('countersign_log_published_size', 'Records under the newest published checkpoint', () =>
    Number(publishedSize),
  );
  metrics?.gauge('countersign_log_unpublished_seconds', 'For how long a record has stood unpublished', () =>
    unpublishedSince === undefined ? 0 : Math.max(0, (clock.now() - unpublishedSince) / 1_000),
  );
  const rounds = metrics?.counter('countersign_log_publications_total', 'Rounds of asking the witnesses', ['outcome']);

  async function newestPublished(): Promise<SignedCheckpoint | undefined> {
    const newest = await stored.newestPublished();
    if (newest === undefined) return undefined;
    if (newest.note === shown?.note) return shown;
    const verdict = verifyByPolicy({ signedNote: newest.note, policy, logKeys: await dependencies.ownKeys() });
    if (!verdict.ok) {
      // Published under another policy or log key: publish again.
      if (
        verdict.reason === 'quorum_not_met' ||
        verdict.reason === 'unknown_log' ||
        verdict.reason === 'no_log_signature'
      )
        return undefined;
      throw auditLogErrors.error(
        'log_inconsistent',
        `The checkpoint of ${newest.size} records that was published is damaged in the database (${verdict.reason}).`,
      );
    }
    const { size, root } = verdict.checkpoint;
    await admit({ size, root });
    shown = { size, root: Buffer.from(root), note: newest.note, key: await dependencies.keyAt(size) };
    return shown;
  }

  function adopt(size: bigint): void {
    if (contradictedAt !== undefined && size >= contradictedAt) {
      contradictedAt = undefined;
      logger.warn(
        { size: size.toString() },
        'a quorum of witnesses agrees with the audit log again: appending goes on',
      );
    }
    if (size <= publishedSize) return;
    publishedSize = size;
    const now = dependencies.size() ?? knownSize;
    unpublishedSince = now > size ? clock.now() : undefined;
  }

  function ask(): Promise<RoundAnswer | 'taken'> {
    return transaction(
      pool,
      async (session) => ((await publicationStore(session).tryTurn()) ? askInTurn() : ('taken' as const)),
      { single: true },
    );
  }

  async function askInTurn(): Promise<RoundAnswer> {
    const signed = await sign();
    knownSize = signed.size;
    const before = await newestPublished();
    if (before !== undefined && before.size >= signed.size) {
      adopt(before.size);
      return { published: before };
    }
    // Witnesses that know the old key alone can still cosign the tree in which the next key is named.
    for (const handover of await dependencies.handovers(signed.size - 1n)) {
      if (handover.size <= (before?.size ?? 0n)) continue;
      const answer = await publishHead(await headOf(handover));
      if (!('published' in answer)) return answer;
    }
    return publishHead(signed);
  }

  async function headOf({ size, checkpoint }: { readonly size: bigint; readonly checkpoint: string }) {
    return { size, root: await tree.rootAt(size), note: checkpoint, key: await dependencies.keyAt(size) };
  }

  async function publishHead(signed: SignedCheckpoint): Promise<RoundAnswer> {
    const answers = await collect(signed);
    const counted = clients.flatMap(({ witness }): readonly [PolicyWitness, NoteSignature][] => {
      const answer = answers.get(witness);
      return answer?.kind === 'cosigned' && answer.counted ? [[witness, answer.signature]] : [];
    });
    for (const [witness] of counted) alarms.settle(witness);
    let contradicted = false;
    for (const { witness } of clients) {
      const answer = answers.get(witness);
      if (answer?.kind === 'contradicts') contradicted = true;
      if (answer?.kind === 'ahead' && (await checkAhead(witness, answer.size))) contradicted = true;
    }
    const enough = meetsQuorum(
      policy.quorum,
      counted.map(([witness]) => witness.key),
    );
    if (!enough) {
      if (contradicted) haltAt(signed.size);
      return { missing: reasons(answers) };
    }
    const note = withCosignatures(
      signed.note,
      counted.map(([, signature]) => signature),
    );
    await stored.insertPublished({ size: signed.size, note });
    adopt(signed.size);
    return { published: { ...signed, note } };
  }

  /** Once the quorum is met, the others get a moment longer. */
  async function collect(signed: SignedCheckpoint): Promise<ReadonlyMap<PolicyWitness, WitnessAnswer>> {
    const answers = new Map<PolicyWitness, WitnessAnswer>();
    let quorumMet: () => void = () => undefined;
    const met = new Promise<void>((resolve) => {
      quorumMet = resolve;
    });
    const asked = clients.map(async ({ witness, client }: { witness: PolicyWitness; client: WitnessClient }) => {
      answers.set(witness, await client.ask(signed));
      const keys = clients.flatMap(({ witness: one }) => {
        const answer = answers.get(one);
        return answer?.kind === 'cosigned' && answer.counted ? [one.key] : [];
      });
      if (meetsQuorum(policy.quorum, keys)) quorumMet();
    });
    const all = Promise.all(asked);
    await Promise.race([all, met]);
    let grace: NodeJS.Timeout | undefined;
    await Promise.race([
      all,
      new Promise<void>((resolve) => {
        grace = setTimeout(resolve, graceMs);
      }),
    ]);
    clearTimeout(grace);
    return new Map(answers);
  }

  /** If no node has signed this size, the database has lost records. */
  async function checkAhead(witness: PolicyWitness, size: bigint): Promise<boolean> {
    const [newest] = await store.newestCheckpoints();
    if (size <= (newest?.size ?? 0n)) return false;
    alarms.raise(witness, { kind: 'ahead', remembers: size });
    return true;
  }

  /** A single witness may be wrong. Without a quorum, no one confirms this history. */
  function haltAt(size: bigint): void {
    if (contradictedAt === undefined)
      logger.error(
        { size: size.toString() },
        'the audit log has stopped: witnesses hold another or a longer history of it, and too few agree with this one. ' +
          'Stop all nodes. Compare the database with a published copy (countersign log fsck), and restore a newer backup of it. ' +
          'Appending goes on when a quorum of witnesses cosigns what the database holds',
      );
    contradictedAt = size;
  }

  function reasons(answers: ReadonlyMap<PolicyWitness, WitnessAnswer>): Readonly<Record<string, string>> {
    return Object.fromEntries(
      policy.witnesses.map((witness): [string, string] => {
        const answer = answers.get(witness);
        if (answer === undefined)
          return [witness.name, witness.url === undefined ? 'it has no address' : 'no answer yet'];
        if (answer.kind === 'failed' || answer.kind === 'contradicts') return [witness.name, answer.why.slice(0, 200)];
        if (answer.kind === 'ahead') return [witness.name, `it has cosigned ${answer.size} records already`];
        return [witness.name, answer.counted ? 'cosigned' : 'catching up'];
      }),
    );
  }

  function round(): Promise<RoundAnswer> {
    running ??= runRound().finally(() => {
      running = undefined;
    });
    return running;
  }

  async function runRound(): Promise<RoundAnswer> {
    lastRoundAt = performance.now();
    const wanted = await store.size();
    knownSize = wanted;
    const answer = await askOrWait(wanted);
    await alarms.recorded();
    rounds?.inc({ outcome: 'published' in answer ? 'published' : 'quorum_missing' });
    if ('published' in answer) {
      failingSince = undefined;
      if (alarmed) await noteResumed(answer.published.size);
    } else {
      failingSince ??= clock.now();
      unpublishedSince ??= clock.now();
      if (!alarmed && clock.now() - failingSince >= alarmAfterMs) await noteStopped(answer.missing);
    }
    return answer;
  }

  /** Waits for what another node publishes. */
  async function askOrWait(wanted: bigint): Promise<RoundAnswer> {
    for (let tries = 0; tries < turnTries && !stopped; tries++) {
      const answer = await ask();
      if (answer !== 'taken') return answer;
      const newest = await newestPublished();
      if (newest !== undefined) adopt(newest.size);
      if (newest !== undefined && newest.size >= wanted) return { published: newest };
      await new Promise((resolve) => setTimeout(resolve, turnWaitMs));
    }
    return { missing: { another_node: 'it is asking the witnesses' } };
  }

  function knownNow(): bigint {
    return dependencies.size() ?? knownSize;
  }

  async function noteStopped(missing: Readonly<Record<string, string>>): Promise<void> {
    logger.error(
      { published: publishedSize.toString(), size: knownNow().toString(), witnesses: missing },
      'the audit log is not published: too few witnesses cosign. Appending goes on up to the bound',
    );
    alarmed = await record({
      id: idOf(['log.publication-stopped', origin, publishedSize.toString()]),
      type: 'log.publication-stopped',
      source: 'audit-log',
      outcome: 'deny',
      reason: 'log_quorum_missing',
      data: {
        published: publishedSize.toString(),
        quorum: describeQuorum(policy.quorum),
        witnesses: missing,
        max_unpublished_records: maxRecords.toString(),
        max_unpublished_seconds: maxUnpublishedMs / 1_000,
      },
    });
  }

  async function noteResumed(size: bigint): Promise<void> {
    logger.warn({ size: size.toString() }, 'the audit log is published again');
    const ended = await store.newest(['log.publication-stopped']);
    const recorded = await record({
      id: idOf(['log.publication-resumed', origin, ended.toString()]),
      type: 'log.publication-resumed',
      source: 'audit-log',
      outcome: 'done',
      data: { size: size.toString(), quorum: describeQuorum(policy.quorum) },
    });
    alarmed = !recorded;
  }

  /** @returns whether it was recorded; if not, the next round tries again */
  async function record(draft: RecordDraft): Promise<boolean> {
    try {
      await appendOnce(append, draft);
      return true;
    } catch (error) {
      logger.error({ error, type: draft.type }, 'the state of publication was not recorded');
      return false;
    }
  }

  async function publishIfDue(): Promise<void> {
    const unpublished = knownNow() > publishedSize;
    if (unpublished) unpublishedSince ??= clock.now();
    // A missing quorum is requested again at each tick.
    const due = failingSince !== undefined || performance.now() - lastRoundAt >= everyMs;
    if (unpublished && due) await round();
  }

  return {
    async publish() {
      // A running round may have started before the caller's record was written.
      await running?.catch(() => undefined);
      const answer = await round();
      if ('published' in answer) return answer.published;
      throw auditLogErrors.error(
        'log_quorum_missing',
        'Too few witnesses have cosigned the newest checkpoint: nothing is published. Try again when they answer.',
        { facts: { quorum: describeQuorum(policy.quorum) }, internal: JSON.stringify(answer.missing) },
      );
    },

    async published() {
      const newest = await newestPublished();
      if (newest !== undefined) adopt(newest.size);
      return newest?.note;
    },

    refusal() {
      if (contradictedAt !== undefined)
        return auditLogErrors.error(
          'log_inconsistent',
          'The audit log has stopped because its witnesses contradict it. Nothing was recorded. The service log tells the operator what to do.',
        );
      if (unpublishedSince === undefined) return undefined;
      const tooMany = knownNow() - publishedSize > maxRecords;
      if (!tooMany && clock.now() - unpublishedSince <= maxUnpublishedMs) return undefined;
      return auditLogErrors.error(
        'log_publication_overdue',
        'Too many records are unpublished, because too few witnesses cosign the log. Nothing was recorded. Appending resumes when they do.',
      );
    },

    async start() {
      const newest = await newestPublished();
      publishedSize = newest?.size ?? 0n;
      knownSize = await store.size();
      // The bound survives restarts. For a log that has just got witnesses it starts now.
      if (knownSize > publishedSize) {
        const [first] = newest === undefined ? [] : await store.range(publishedSize, 1);
        unpublishedSince = parseInstant(first?.bytes === undefined ? '' : (timeOf(first.bytes) ?? '')) ?? clock.now();
      }
      // Contradictions since the last publication still count after a restart.
      const said = await store.search({
        transaction: undefined,
        types: ['log.witness-alarm'],
        after: publishedSize - 1n,
        limit: 100,
      });
      if (said.some((entry) => contradictions.has(kindOf(logEntry(entry).record.data)))) haltAt(knownSize);
      const standing = await store.newest(['log.publication-stopped']);
      alarmed = standing > (await store.newest(['log.publication-resumed']));
      if (alarmed) failingSince = clock.now();
      const work = publishIfDue;
      ticks = createRounds({
        what: 'publishing the audit log',
        work,
        logger,
        everyMs: Math.min(everyMs, 1_000),
        level: 'error',
      });
      // Witnesses are asked before the node appends: a quorum may agree by now.
      if (contradictedAt !== undefined)
        await round().catch((error: unknown) => logger.error({ error }, 'the audit log could not be published'));
    },

    async stop() {
      await ticks?.stop();
      await running?.catch(() => undefined);
      if (failingSince === undefined && knownNow() > publishedSize)
        await round().catch((error: unknown) => logger.warn({ error }, 'the end of the audit log was not published'));
      stopped = true;
    },
  };
}

const contradictions: ReadonlySet<unknown> = new Set<WitnessFault['kind']>(['ahead', 'contradicts']);

function kindOf(data: Json | undefined): unknown {
  return membersOf(data)?.['kind'];
}

/** Cosignatures follow the log's signature in the order of the policy. */
function withCosignatures(signedNote: string, cosignatures: readonly NoteSignature[]): string {
  const parsed = parseNote(signedNote);
  if (!parsed.ok || !parseCheckpoint(parsed.note.text).ok)
    throw new Error('the newest checkpoint of this log is malformed');
  return formatNote({ text: parsed.note.text, signatures: [...parsed.note.signatures, ...cosignatures] });
}
