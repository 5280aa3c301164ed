import type { Command, Commands } from '@countersign/commands';
import { type AuditAppender, sharedSignalErrors, standingErrors, streamEventUri } from '@countersign/contracts';
import { type Clock, type Json, newId, type Random } from '@countersign/kernel';
import type { SealingKey } from '@countersign/runtime';
import type pg from 'pg';
import {
  type ChangeBody,
  type CreateBody,
  configurationOf,
  malformed,
  minVerificationSeconds,
  readDelivery,
  type StreamConfiguration,
  type Transmitter,
} from './configuration.ts';
import { maxWaiting } from './filling.ts';
import { type StreamKind, type StreamThings, unprovenStream } from './recorded-stream.ts';
import type { SignalReader } from './signal-reader.ts';
import type { SignalStore } from './store.ts';
import {
  newStreamId,
  parseStreamId,
  type Receiver,
  type SignalStream,
  type SignalStreamId,
  type StreamState,
  type StreamStatus,
  streamChanged,
  streamToken,
} from './stream.ts';
import { createStreamCommands, found } from './stream-commands.ts';
import { digestOfSubject, readSubject, type SubjectIdentifier } from './subject.ts';

export interface StreamDependencies {
  readonly store: SignalStore;
  readonly reader: SignalReader;
  readonly audit: AuditAppender;
  readonly pool: pg.Pool;
  readonly kind: StreamKind;
  readonly things: StreamThings;
  readonly commands: Commands;
  /** Encrypts the receiver's authorization header. */
  readonly sealingKey: SealingKey;
  readonly transmitter: Transmitter;
  readonly clock: Clock;
  readonly random: Random;
}

export interface StatusAnswer {
  readonly stream_id: string;
  readonly status: StreamStatus;
  readonly reason?: string;
}

export interface Streams {
  /** Starts with new records. @throws CodedError `stream_malformed`, `stream_limit` */
  create(body: CreateBody, by: Receiver): Promise<StreamConfiguration>;
  list(institution: string): Promise<readonly StreamConfiguration[]>;
  read(institution: string, id: string): Promise<StreamConfiguration>;
  /** @throws CodedError `stream_not_found`, `stream_malformed`, `authority_unproven` */
  update(body: ChangeBody, by: Receiver): Promise<StreamConfiguration>;
  replace(body: ChangeBody, by: Receiver): Promise<StreamConfiguration>;
  remove(id: string, by: Receiver): Promise<void>;
  status(institution: string, id: string): Promise<StatusAnswer>;
  /** A paused stream keeps events; a disabled one does not. */
  setStatus(
    change: { readonly stream_id: string; readonly status: StreamStatus; readonly reason?: string },
    by: Receiver,
  ): Promise<StatusAnswer>;
  /** Every subject is included until it is removed; an unknown one is answered like any other. */
  addSubject(id: string, subject: Json, by: Receiver): Promise<void>;
  removeSubject(id: string, subject: Json, by: Receiver): Promise<void>;
  verify(request: { readonly stream_id: string; readonly state?: string }, by: Receiver): Promise<void>;
}

const maxExclusions = 1_000;

/** Each change is recorded before it is stored. After a crash, the next reader completes it from its record. */
export function createStreams(dependencies: StreamDependencies): Streams {
  const { pool, store, kind, things, commands, audit, transmitter, clock, random } = dependencies;
  const { create, change, remove, setStatus } = createStreamCommands(dependencies);
  const shown = (stream: StreamState): StreamConfiguration => configurationOf(stream, transmitter);

  /** A stream that its record does not confirm is shown too, so that it can be deleted. */
  async function of(institution: string, text: string): Promise<SignalStream> {
    const id = idOf(text);
    const row = await things.find(id).catch((error: unknown) => {
      if (!standingErrors.is(error, 'authority_unproven')) throw error;
      return kind.find(pool, id);
    });
    return found(row, institution);
  }

  async function run<Ask extends { readonly id: SignalStreamId; readonly by: Receiver }, Facts, Answer>(
    command: Command<Ask, SignalStreamId, StreamState, SignalStream, Facts, Answer>,
    ask: Ask,
  ): Promise<Answer> {
    // Must not reveal whether a record confirms another institution's row.
    await of(ask.by.institution, ask.id);
    return commands.run(command, ask).catch((error: unknown) => {
      throw standingErrors.is(error, 'authority_unproven') ? unprovenStream() : error;
    });
  }

  const changed = async (body: ChangeBody, by: Receiver, operation: 'update' | 'replace') =>
    shown(await run(change, { id: idOf(body.stream_id), by, body, operation }));

  /** Holds the lock of the stream's institution. */
  async function changing<Result>(
    text: string,
    institution: string,
    work: (unit: Unit, stream: SignalStream) => Promise<Result>,
  ): Promise<Result> {
    const { id } = await of(institution, text);
    return store.inUnit(async (unit) => {
      await unit.lockInstitution(institution);
      return work(
        unit,
        found(
          (await unit.ofInstitution(institution)).find((one) => one.id === id),
          institution,
        ),
      );
    });
  }

  function subjectChange(
    id: string,
    json: Json,
    by: Receiver,
    apply: (unit: Unit, stream: SignalStream, subject: SubjectIdentifier) => Promise<boolean>,
    operation: 'subject-add' | 'subject-remove',
  ): Promise<void> {
    const subject = readSubject(json);
    if (subject === undefined)
      throw malformed('subject: a Subject Identifier (RFC 9493) of a format that is known, or a complex subject.');
    return changing(id, by.institution, async (unit, stream) => {
      if (!(await apply(unit, stream, subject))) return;
      await audit.append({
        id: newId('record', { clock, random }),
        source: 'event-publisher',
        // The subject may be a name or an address, so only its digest is recorded.
        ...streamChanged(operation, stream, by, { format: subject.format, subject_digest: digestOfSubject(subject) }),
      });
    });
  }

  return {
    async create(body, by) {
      // A malformed request is refused as such, however many streams exist.
      readDelivery(body.delivery);
      return shown(await commands.run(create, { id: newStreamId({ clock, random }), body, by }));
    },
    async list(institution) {
      const rows = await store.ofInstitution(institution);
      const count = await Promise.all(rows.map((row) => things.counts(row.id, row)));
      return (count.includes(false) ? await store.ofInstitution(institution) : rows).map(shown);
    },
    read: async (institution, id) => shown(await of(institution, id)),
    update: (body, by) => changed(body, by, 'update'),
    replace: (body, by) => changed(body, by, 'replace'),
    async remove(id, by) {
      await run(remove, { id: idOf(id), by });
    },
    status: async (institution, id) => statusOf(await of(institution, id)),
    setStatus: async ({ stream_id: id, status, reason }, by) =>
      statusOf(await run(setStatus, { id: idOf(id), by, status, reason })),
    addSubject: (id, subject, by) =>
      subjectChange(
        id,
        subject,
        by,
        (unit, stream, read) => unit.include(stream.id, digestOfSubject(read)),
        'subject-add',
      ),
    removeSubject: (id, subject, by) =>
      subjectChange(
        id,
        subject,
        by,
        async (unit, stream, read) => {
          // The stream itself is always a subject (section 8.1.4.1).
          if (read.format === 'opaque' && read['id'] === stream.id) return false;
          if ((await unit.countExclusions(stream.id)) >= maxExclusions)
            throw sharedSignalErrors.error('stream_limit', `A stream excludes at most ${maxExclusions} subjects.`);
          return unit.exclude(stream.id, digestOfSubject(read), read);
        },
        'subject-remove',
      ),
    verify: ({ stream_id: id, state }, by) =>
      changing(id, by.institution, async (unit, stream) => {
        const now = clock.now();
        const tooSoon = stream.verifiedAt !== undefined && now - stream.verifiedAt < minVerificationSeconds * 1_000;
        if (tooSoon || (await unit.countWaiting(stream.id)) > 2 * maxWaiting)
          throw sharedSignalErrors.error(
            'signal_rate_limited',
            `A verification event can be requested at most every ${minVerificationSeconds} seconds.`,
          );
        if (stream.status === 'disabled') throw malformed('The stream is disabled and sends no events.');
        await unit.setVerified(stream.id, now);
        await unit.queue(stream.id, [
          streamToken(stream.id, {
            jti: newId('token', { clock, random }),
            uri: streamEventUri('verification'),
            claims: state === undefined ? {} : { state },
            nowSeconds: Math.floor(now / 1000),
          }),
        ]);
      }),
  };
}

type Unit = Parameters<Parameters<SignalStore['inUnit']>[0]>[0];

function idOf(text: string): SignalStreamId {
  const id = parseStreamId(text);
  if (id === undefined)
    throw sharedSignalErrors.error('stream_not_found', 'The stream does not exist, or you have no access to it.');
  return id;
}

function statusOf({ id, status, statusReason }: StreamState): StatusAnswer {
  return { stream_id: id, status, ...(statusReason === undefined ? {} : { reason: statusReason }) };
}
