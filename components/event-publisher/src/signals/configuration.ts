import { deliveryMethods, sharedSignalErrors } from '@countersign/contracts';
import { canonicalize } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import { addressRule, readAddress } from '../delivery-address.ts';
import { eventsDelivered, eventsSupported, type StreamState } from './stream.ts';

export const minVerificationSeconds = 30;

export interface Transmitter {
  readonly issuer: string;
  readonly baseUrl: string;
}

const closed = { additionalProperties: false };
const uris = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 64 });
const audience = Type.Union([Type.String({ maxLength: 256 }), Type.Array(Type.String({ maxLength: 256 }))]);

export const deliveryBody = Type.Object(
  {
    method: Type.Enum([deliveryMethods.push, deliveryMethods.poll]),
    endpoint_url: Type.Optional(
      Type.String({ maxLength: 1_024, description: "The receiver's endpoint for push; left out for poll" }),
    ),
    authorization_header: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,2046}[\\x21-\\x7e])?$',
        description: 'Sent with each push; never returned',
      }),
    ),
  },
  closed,
);

const receiverSupplied = {
  events_requested: Type.Optional(uris),
  delivery: Type.Optional(deliveryBody),
  description: Type.Optional(Type.String({ maxLength: 255 })),
};
export const createBody = Type.Object(receiverSupplied, closed);
/** Members that the transmitter sets may be sent back unchanged (section 8.1.1.3). */
export const changeBody = Type.Object(
  {
    stream_id: Type.String({ maxLength: 64 }),
    ...receiverSupplied,
    iss: Type.Optional(Type.String({ maxLength: 1_024 })),
    aud: Type.Optional(audience),
    events_supported: Type.Optional(uris),
    events_delivered: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 })),
    min_verification_interval: Type.Optional(Type.Integer()),
  },
  closed,
);
export type CreateBody = Static<typeof createBody>;
export type ChangeBody = Static<typeof changeBody>;

export const configurationAnswer = Type.Object(
  {
    stream_id: Type.String(),
    iss: Type.String(),
    aud: Type.String({ description: 'Id of the client that created the stream' }),
    delivery: Type.Object({ method: Type.String(), endpoint_url: Type.String() }, closed),
    events_supported: Type.Array(Type.String()),
    events_requested: Type.Optional(Type.Array(Type.String())),
    events_delivered: Type.Array(Type.String()),
    min_verification_interval: Type.Integer({ description: 'Seconds' }),
    description: Type.Optional(Type.String()),
  },
  { ...closed, title: 'StreamConfiguration', description: 'Shared Signals Framework 1.0, section 8.1.1' },
);
export type StreamConfiguration = Static<typeof configurationAnswer>;

/** As the receiver sees it; the authorization header for pushes is never returned. */
export function configurationOf(stream: StreamState, { issuer, baseUrl }: Transmitter): StreamConfiguration {
  const { id, delivery, eventsRequested, description } = stream;
  return {
    stream_id: id,
    iss: issuer,
    aud: stream.audience,
    delivery:
      delivery.method === 'push'
        ? { method: deliveryMethods.push, endpoint_url: delivery.url }
        : { method: deliveryMethods.poll, endpoint_url: `${baseUrl}/signals/poll/${id}` },
    events_supported: [...eventsSupported],
    ...(eventsRequested === undefined ? {} : { events_requested: [...eventsRequested] }),
    events_delivered: [...eventsDelivered(eventsRequested)],
    min_verification_interval: minVerificationSeconds,
    ...(description === undefined ? {} : { description }),
  };
}

export type WantedDelivery =
  | { readonly method: 'push'; readonly url: string; readonly authorization: string | undefined }
  | { readonly method: 'poll' };

export function readDelivery(
  body: Static<typeof deliveryBody> | undefined,
  present?: StreamConfiguration,
): WantedDelivery {
  if (body === undefined) return { method: 'poll' };
  const { method, endpoint_url: given, authorization_header: authorization } = body;
  if (method === deliveryMethods.poll) {
    const ours = present?.delivery.method === deliveryMethods.poll ? present.delivery.endpoint_url : undefined;
    if (authorization !== undefined || (given !== undefined && given !== ours))
      throw malformed('The transmitter sets the poll endpoint and its authorization: leave these members out.');
    return { method: 'poll' };
  }
  const url = given === undefined ? undefined : readAddress(given);
  if (url === undefined) throw malformed(`delivery.endpoint_url: ${addressRule}`);
  return { method: 'push', url, authorization };
}

/**
 * Section 8.1.1.3: members that the transmitter sets must have their current values. @throws CodedError
 * `stream_malformed`
 */
export function refuseChangesOfOurs(body: ChangeBody, present: StreamConfiguration): void {
  for (const name of ['iss', 'aud', 'events_supported', 'events_delivered', 'min_verification_interval'] as const) {
    const given = body[name];
    if (given !== undefined && canonicalize(given) !== canonicalize(present[name]))
      throw malformed(`${name} is set by the transmitter and has a different value.`);
  }
}

export function malformed(detail: string) {
  return sharedSignalErrors.error('stream_malformed', detail);
}
