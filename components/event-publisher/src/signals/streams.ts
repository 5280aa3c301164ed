import { type AuditAppender, type StandingCheck, sharedSignalErrors, streamEventUri } from '@countersign/contracts';
import { type Clock, type Json, newId, type Random, type RecordId } from '@countersign/kernel';
import { type SealingKey, seal } from '@countersign/runtime';
import { describeAddress } from '../delivery-address.ts';
import { requireStream } from '../row-claims.ts';
import {
  type ChangeBody,
  type CreateBody,
  configurationOf,
  malformed,
  minVerificationSeconds,
  readDelivery,
  refuseChangesOfOurs,
  type StreamConfiguration,
  type Transmitter,
  type WantedDelivery,
} from './configuration.ts';
import { mostWaiting } from './filling.ts';
import type { SignalReader } from './signal-reader.ts';
import type { SignalStore } from './store.ts';
import {
  eventsDelivered,
  newStreamId,
  parseStreamId,
  type Receiver,
  type SignalStream,
  type SignalStreamId,
  type StreamDelivery,
  type StreamStatus,
  streamToken,
} from './stream.ts';
import { streamChanged } from './stream-changed.ts';
import { digestOfSubject, readSubject, type SubjectIdentifier } from './subject.ts';

export interface StreamDependencies {
  readonly store: SignalStore;
  readonly reader: SignalReader;
  readonly audit: AuditAppender;
  readonly standings: StandingCheck;
  /** Seals what receivers want to be shown with each push. */
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

/** Management of streams (Shared Signals Framework 1.0, section 8.1). */
export interface Streams {
  /** Begins with what is written from now on. @throws CodedError `stream_malformed`, `stream_limit` */
  create(body: CreateBody, by: Receiver): Promise<StreamConfiguration>;
  list(institution: string): Promise<readonly StreamConfiguration[]>;
  /** @throws CodedError `stream_not_found` */
  read(institution: string, id: string): Promise<StreamConfiguration>;
  /** What is left out stays. @throws CodedError `stream_not_found`, `stream_malformed`, `authority_unproven` */
  update(body: ChangeBody, by: Receiver): Promise<StreamConfiguration>;
  /** What is left out is gone. @throws CodedError `stream_not_found`, `stream_malformed`, `authority_unproven` */
  replace(body: ChangeBody, by: Receiver): Promise<StreamConfiguration>;
  /** @throws CodedError `stream_not_found` */
  remove(id: string, by: Receiver): Promise<void>;
  status(institution: string, id: string): Promise<StatusAnswer>;
  /** A stream that is paused holds what happens; one that is disabled does not. */
  setStatus(
    change: { readonly stream_id: string; readonly status: StreamStatus; readonly reason?: string },
    by: Receiver,
  ): Promise<StatusAnswer>;
  /** Every subject is in a stream until it is taken out; one that nobody knows is answered like any other. */
  addSubject(id: string, subject: Json, by: Receiver): Promise<void>;
  removeSubject(id: string, subject: Json, by: Receiver): Promise<void>;
  /** @throws CodedError `signal_rate_limited` */
  verify(request: { readonly stream_id: string; readonly state?: string }, by: Receiver): Promise<void>;
}

const mostStreams = 16;
const mostExclusions = 1_000;

/** By what a sealed header is bound to its stream. */
export const authorizationBinding = (id: SignalStreamId): string => `signal-stream ${id} authorization`;

/** Each change is recorded before it is kept. */
export function createStreams(dependencies: StreamDependencies): Streams {
  const { store, reader, audit, standings, sealingKey, transmitter, clock, random } = dependencies;
  const shown = (stream: SignalStream): StreamConfiguration => configurationOf(stream, transmitter);

  async function record(
    operation: string,
    stream: SignalStream,
    by: Receiver,
    more?: Readonly<Record<string, Json>>,
  ): Promise<RecordId> {
    const id = newId('record', { clock, random });
    await audit.append(streamChanged(id, operation, stream, by, more));
    return id;
  }

  function keptDelivery(id: SignalStreamId, wanted: WantedDelivery): StreamDelivery {
    if (wanted.method === 'poll') return wanted;
    const { url, authorization } = wanted;
    return {
      method: 'push',
      url,
      authorization:
        authorization === undefined
          ? undefined
          : seal(Buffer.from(authorization), sealingKey, authorizationBinding(id), random),
    };
  }

  /** Runs with the stream locked, and nothing else of the institution changing. */
  function changing<Result>(
    id: string,
    institution: string,
    work: (unit: Unit, stream: SignalStream) => Promise<Result>,
  ): Promise<Result> {
    return store.inUnit(async (unit) => {
      await unit.lockInstitution(institution);
      return work(unit, found(await unit.ofInstitution(institution), id));
    });
  }

  async function of(institution: string, id: string): Promise<SignalStream> {
    return found(await store.ofInstitution(institution), id);
  }

  function change(body: ChangeBody, by: Receiver, operation: 'update' | 'replace'): Promise<StreamConfiguration> {
    return changing(body.stream_id, by.institution, async (unit, present) => {
      const configuration = shown(present);
      refuseChangesOfOurs(body, configuration);
      // The record of this change also covers what the change leaves as it was.
      await requireStream(standings, present);
      const whole = operation === 'replace';
      const delivery =
        body.delivery === undefined && !whole
          ? present.delivery
          : keptDelivery(present.id, readDelivery(body.delivery, configuration));
      const next: SignalStream = {
        ...present,
        delivery,
        eventsRequested: body.events_requested ?? (whole ? undefined : present.eventsRequested),
        description: body.description ?? (whole ? undefined : present.description),
      };
      await record(operation, next, by, describe(next));
      await unit.configure(present.id, next, clock.now());
      return shown(next);
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
      // What a receiver writes here may be a name or an address: by its digest it is recognised, and no more.
      await record(operation, stream, by, { format: subject.format, subject_digest: digestOfSubject(subject) });
    });
  }

  return {
    create: (body, by) =>
      store.inUnit(async (unit) => {
        const wanted = readDelivery(body.delivery);
        const { institution } = by;
        await unit.lockInstitution(institution);
        if ((await unit.ofInstitution(institution)).length >= mostStreams)
          throw sharedSignalErrors.error(
            'stream_limit',
            `An institution keeps at most ${mostStreams} streams; delete one first.`,
          );
        const id = newStreamId({ clock, random });
        const stream: SignalStream = {
          ...{ id, institution, audience: by.client, description: body.description },
          delivery: keptDelivery(id, wanted),
          eventsRequested: body.events_requested,
          ...{ status: 'enabled', statusReason: undefined, revision: '0', verifiedAt: undefined },
          position: await reader.newest(),
        };
        const recordId = await record('create', stream, by, describe(stream));
        await unit.put(stream, clock.now(), recordId);
        return shown(stream);
      }),
    list: async (institution) => (await store.ofInstitution(institution)).map(shown),
    read: async (institution, id) => shown(await of(institution, id)),
    update: (body, by) => change(body, by, 'update'),
    replace: (body, by) => change(body, by, 'replace'),
    remove: (id, by) =>
      changing(id, by.institution, async (unit, stream) => {
        await record('delete', stream, by);
        await unit.remove(stream.id);
      }),
    status: async (institution, id) => statusOf(await of(institution, id)),
    setStatus: ({ stream_id: id, status, reason }, by) =>
      changing(id, by.institution, async (unit, stream) => {
        if (stream.status === status && stream.statusReason === reason) return statusOf(stream);
        await record('status', stream, by, { status });
        // What happened while it was disabled is not held for it.
        const begins = stream.status === 'disabled' && status !== 'disabled' ? await reader.newest() : undefined;
        await unit.setStatus(
          stream.id,
          { status, reason, ...(begins === undefined ? {} : { position: begins }) },
          clock.now(),
        );
        if (status === 'disabled') await unit.clearQueue(stream.id);
        return statusOf({ ...stream, status, statusReason: reason });
      }),
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
          // The stream itself is a subject of its own, and stays (section 8.1.4.1).
          if (read.format === 'opaque' && read['id'] === stream.id) return false;
          if ((await unit.countExclusions(stream.id)) >= mostExclusions)
            throw sharedSignalErrors.error('stream_limit', `A stream passes over at most ${mostExclusions} subjects.`);
          return unit.exclude(stream.id, digestOfSubject(read), read);
        },
        'subject-remove',
      ),
    verify: ({ stream_id: id, state }, by) =>
      changing(id, by.institution, async (unit, stream) => {
        const now = clock.now();
        const tooSoon = stream.verifiedAt !== undefined && now - stream.verifiedAt < minVerificationSeconds * 1_000;
        if (tooSoon || (await unit.countWaiting(stream.id)) > 2 * mostWaiting)
          throw sharedSignalErrors.error(
            'signal_rate_limited',
            `A stream is verified at most every ${minVerificationSeconds} seconds.`,
          );
        if (stream.status === 'disabled') throw malformed('The stream is disabled: nothing is sent over it.');
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

function found(present: readonly SignalStream[], text: string): SignalStream {
  const id = parseStreamId(text);
  const stream = id === undefined ? undefined : present.find((one) => one.id === id);
  if (stream === undefined)
    throw sharedSignalErrors.error('stream_not_found', 'There is no such stream, or it is not yours to see.');
  return stream;
}

function statusOf({ id, status, statusReason }: SignalStream): StatusAnswer {
  return { stream_id: id, status, ...(statusReason === undefined ? {} : { reason: statusReason }) };
}

function describe({ delivery, eventsRequested }: SignalStream): Readonly<Record<string, Json>> {
  return {
    method: delivery.method,
    ...(delivery.method === 'push'
      ? { ...describeAddress(delivery.url), authorization: delivery.authorization !== undefined }
      : {}),
    events: [...eventsDelivered(eventsRequested)],
  };
}
