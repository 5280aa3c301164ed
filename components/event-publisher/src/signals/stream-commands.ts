import type { Command } from '@countersign/commands';
import { sharedSignalErrors } from '@countersign/contracts';
import type { Json, Random } from '@countersign/kernel';
import { type SealingKey, seal, unseal } from '@countersign/runtime';
import { describeAddress } from '../delivery-address.ts';
import {
  type ChangeBody,
  type CreateBody,
  configurationOf,
  readDelivery,
  refuseChangesOfOurs,
  type Transmitter,
  type WantedDelivery,
} from './configuration.ts';
import type { StreamKind } from './recorded-stream.ts';
import type { SignalReader } from './signal-reader.ts';
import { countStreams, type LeasedStream, lockStreamsOf } from './store.ts';
import {
  eventsDelivered,
  type Receiver,
  type SignalStream,
  type SignalStreamId,
  type StreamDelivery,
  type StreamState,
  type StreamStatus,
  streamChanged,
} from './stream.ts';

// Each change of a stream is recorded first; after a crash, the next reader completes it from its record.

export interface StreamCommandDependencies {
  readonly kind: StreamKind;
  readonly reader: SignalReader;
  /** Encrypts the receiver's authorization header. */
  readonly sealingKey: SealingKey;
  readonly transmitter: Transmitter;
  readonly random: Random;
}

type StreamCommand<Ask, Facts, Answer> = Command<Ask, SignalStreamId, StreamState, SignalStream, Facts, Answer>;

interface Asked {
  readonly id: SignalStreamId;
  readonly by: Receiver;
}
interface Present {
  readonly present: SignalStream;
}

interface ChangeAsk extends Asked {
  readonly body: ChangeBody;
  readonly operation: 'update' | 'replace';
}
interface Wanted extends Present {
  /** Left out to keep it. */
  readonly delivery?: WantedDelivery;
  readonly eventsRequested: readonly string[] | undefined;
  readonly description: string | undefined;
}
interface StatusAsk extends Asked {
  readonly status: StreamStatus;
  readonly reason: string | undefined;
}

const maxStreams = 16;

/** Binds an encrypted header to its stream. */
export const authorizationBinding = (id: SignalStreamId): string => `signal-stream ${id} authorization`;

export function createStreamCommands({ kind, reader, sealingKey, transmitter, random }: StreamCommandDependencies) {
  const steps = {
    kind,
    about: ({ id }: { readonly id: SignalStreamId }) => id,
    check: async () => undefined,
    before: async () => undefined,
    refused: () => undefined,
    after: async () => undefined,
    ends: () => false,
  };

  function keptDelivery(id: SignalStreamId, wanted: WantedDelivery): StreamDelivery {
    if (wanted.method === 'poll') return wanted;
    const { url, authorization } = wanted;
    const plain = authorization === undefined ? undefined : Buffer.from(authorization);
    return {
      method: 'push',
      url,
      authorization: plain && seal(plain, sealingKey, authorizationBinding(id), random),
    };
  }

  function isKept(wanted: WantedDelivery, { id, delivery }: SignalStream): boolean {
    if (wanted.method === 'poll' || delivery.method === 'poll') return wanted.method === delivery.method;
    const kept =
      delivery.authorization && unseal(delivery.authorization, sealingKey, authorizationBinding(id)).toString('utf8');
    return wanted.url === delivery.url && wanted.authorization === kept;
  }

  /** Each request makes a stream with a new id (section 8.1.1.1). */
  const create: StreamCommand<Asked & { readonly body: CreateBody }, { readonly count: number }, StreamState> = {
    ...steps,
    async facts(session, { ask: { by } }) {
      await lockStreamsOf(session, by.institution);
      return { count: await countStreams(session, by.institution) };
    },
    done: () => undefined,
    async check({ facts }) {
      if (facts.count >= maxStreams)
        throw sharedSignalErrors.error(
          'stream_limit',
          `An institution keeps at most ${maxStreams} streams; delete one first.`,
        );
    },
    next: async ({ ask: { id, by, body } }) => ({
      ...{ id, institution: by.institution, audience: by.client, description: body.description },
      delivery: keptDelivery(id, readDelivery(body.delivery)),
      eventsRequested: body.events_requested,
      ...{ status: 'enabled', statusReason: undefined },
      position: await reader.newest(),
    }),
    record: ({ ask }, next) => streamChanged('create', next, ask.by, describe(next)),
    release: (next) => next,
  };

  const change: StreamCommand<ChangeAsk, Wanted, StreamState> = {
    ...steps,
    async facts(_session, { ask: { body, by, operation }, row }) {
      const present = found(row, by.institution);
      const configuration = configurationOf(present, transmitter);
      refuseChangesOfOurs(body, configuration);
      const whole = operation === 'replace';
      return {
        present,
        ...(body.delivery === undefined && !whole ? {} : { delivery: readDelivery(body.delivery, configuration) }),
        eventsRequested: body.events_requested ?? (whole ? undefined : present.eventsRequested),
        description: body.description ?? (whole ? undefined : present.description),
      };
    },
    done({ facts: { present, delivery, eventsRequested, description } }) {
      const same =
        (delivery === undefined || isKept(delivery, present)) &&
        description === present.description &&
        eventsRequested?.join(' ') === present.eventsRequested?.join(' ');
      return same ? present : undefined;
    },
    next: ({ facts: { present, delivery, eventsRequested, description } }) => ({
      ...stateOf(present),
      ...{ eventsRequested, description },
      delivery: delivery === undefined ? present.delivery : keptDelivery(present.id, delivery),
    }),
    record: ({ ask }, next) => streamChanged(ask.operation, next, ask.by, describe(next)),
    release: (next) => next,
  };

  const remove: StreamCommand<Asked, Present, true> = {
    ...steps,
    // A row that its record does not confirm is deleted as well.
    unproven: 'none',
    facts: async (session, { ask, row }) => ({
      present: found(row ?? (await kind.lock(session, ask.id)), ask.by.institution),
    }),
    done: () => undefined,
    next: ({ facts }) => stateOf(facts.present),
    record: ({ ask }, next) => streamChanged('delete', next, ask.by),
    ends: () => true,
    release: () => true,
  };

  const setStatus: StreamCommand<StatusAsk, Present, StreamState> = {
    ...steps,
    facts: async (_session, { ask, row }) => ({ present: found(row, ask.by.institution) }),
    done: ({ ask, facts: { present } }) =>
      present.status === ask.status && present.statusReason === ask.reason ? present : undefined,
    async next({ ask: { status, reason }, facts: { present } }) {
      // Events from while it was disabled are not queued.
      const begins = present.status === 'disabled' && status !== 'disabled';
      const position = begins ? await reader.newest() : present.position;
      return { ...stateOf(present), status, statusReason: reason, position };
    },
    record: ({ ask }, next) => streamChanged('status', next, ask.by, { status: ask.status }),
    release: (next) => next,
  };

  return { create, change, remove, setStatus };
}

export interface Suspension {
  readonly held: LeasedStream;
  readonly reason: string;
  readonly detail: string;
}

/** Pauses a pushed stream if the given lease is current. Answers whether it did. */
export const suspension = (kind: StreamKind): StreamCommand<Suspension, undefined, boolean> => ({
  kind,
  about: ({ held }) => held.id,
  facts: async () => undefined,
  done: ({ ask, row }) => (row?.lease === ask.held.lease && row.status === 'enabled' ? undefined : false),
  check: async () => undefined,
  next: ({ ask, row }) => ({ ...stateOf(row ?? ask.held.stream), status: 'paused', statusReason: ask.reason }),
  before: async () => undefined,
  record: ({ ask }, { id, institution, audience }) => ({
    type: 'signal.delivery-suspended',
    outcome: 'done',
    data: { stream: id, institution, audience, detail: ask.detail },
  }),
  ends: () => false,
  refused: () => undefined,
  after: async () => undefined,
  release: () => true,
});

/** @throws CodedError `stream_not_found` if the stream belongs to another institution */
export function found(row: SignalStream | undefined, institution: string): SignalStream {
  if (row?.institution !== institution)
    throw sharedSignalErrors.error('stream_not_found', 'The stream does not exist, or you have no access to it.');
  return row;
}

function stateOf({
  revision: _revision,
  verifiedAt: _verified,
  lease: _lease,
  record: _record,
  ...state
}: SignalStream) {
  return state satisfies StreamState;
}

function describe({ delivery, eventsRequested }: StreamState): Readonly<Record<string, Json>> {
  return {
    method: delivery.method,
    ...(delivery.method === 'push'
      ? { ...describeAddress(delivery.url), authorization: delivery.authorization !== undefined }
      : {}),
    events: [...eventsDelivered(eventsRequested)],
  };
}
