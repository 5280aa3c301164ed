import type {
  Authentication,
  ClientRequest,
  GrantRegister,
  Outbound,
  PolicyEngine,
  Signer,
  StandingReader,
  Statements,
  TransactionRegistry,
} from '@countersign/contracts';
import { defined, type Json, newId, sha256 } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { applicationDigests } from '../authorization-request/index.ts';
import { type ClientContext, type ClientEndpointDependencies, createClientEndpoint } from '../client-endpoint/index.ts';
import { createIdTokenHints } from '../id-tokens.ts';
import { bindProofKey, createPushedRequestStore } from '../pushed-requests/index.ts';
import { type Approvals, createApprovals } from './approvals.ts';
import { checkTerms, identifyPerson } from './check-request.ts';
import { backchannelAuthenticationRoutes } from './http.ts';
import { type BackchannelRequest, parseBackchannelRequest } from './parse-request.ts';
import { createPingSealer, createPings } from './pings.ts';
import { readRequest } from './read-request.ts';
import {
  type BackchannelRequests,
  createBackchannelRequests,
  longestRequestLifetimeSeconds,
  pollIntervalSeconds,
} from './redeem.ts';
import { refuse } from './refusals.ts';
import { type AskedRequest, createBackchannelStore, type RequestHolder } from './store.ts';

export const cibaGrantType = 'urn:openid:params:grant-type:ciba';

/** If the client states none. */
export const defaultRequestLifetimeSeconds = 300;

/** Ended requests are kept for comparison with repeated ones. */
const rememberedForMs = 24 * 60 * 60_000;

export interface BackchannelAuthenticationOptions {
  /** Maximum number of pending requests for one client; default 1,000. */
  readonly maxOutstanding?: number;
  /** Maximum number of pending requests for one person; default 10. */
  readonly maxOutstandingForPerson?: number;
  /** How often to look for due pings; default 1 s. */
  readonly pingEveryMs?: number;
}

export interface BackchannelAuthenticationDependencies extends ClientEndpointDependencies {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  /** For requests that have been redeemed. */
  readonly standings: StandingReader;
  readonly logger: Logger;
  readonly signer: Pick<Signer, 'publicKeys'>;
  readonly policyEngine: Pick<PolicyEngine, 'detailTypes'>;
  readonly authentication: Pick<Authentication, 'begin' | 'current'>;
  readonly grants: Pick<GrantRegister, 'give' | 'deny'>;
  /** Without it, consent to intents works in development only. */
  readonly statements?: Statements;
  readonly transactions?: Pick<TransactionRegistry, 'waitingFor'>;
  readonly outbound: Pick<Outbound, 'post'>;
  /** At least 32 octets, the same on every node, for pings only. Without it, no client is pinged. */
  readonly pingSecret?: Uint8Array;
  readonly options?: BackchannelAuthenticationOptions;
}

/** CIBA Core section 7.3. */
export interface BackchannelAuthenticationResponse {
  readonly auth_req_id: string;
  /** Seconds. */
  readonly expires_in: number;
  /** Seconds. */
  readonly interval: number;
}

/** Asks people on their own devices: CIBA Core 1.0 in poll and ping mode, under FAPI-CIBA. */
export interface BackchannelAuthentication {
  /** Records `backchannel.requested` first. @throws CodedError of `oauthErrors`; `too_many_requests` if too many requests are pending */
  ask(request: ClientRequest): Promise<BackchannelAuthenticationResponse>;
  /** For the token endpoint. */
  readonly requests: BackchannelRequests;
  readonly approvals: Approvals;
  /** For the listener of the issuer. */
  mountPages(app: FastifyInstance): void;
  /** CIBA Core section 4. */
  readonly deliveryModes: readonly ('poll' | 'ping')[];
  /** Also runs by itself. */
  ping(): Promise<void>;
  /** Also runs by itself. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

export function createBackchannelAuthentication(
  dependencies: BackchannelAuthenticationDependencies,
): BackchannelAuthentication {
  const { pool, rowSeal, clock, random, audit, logger, issuer, signer, pingSecret, options = {} } = dependencies;
  const { maxOutstanding = 1_000, maxOutstandingForPerson = 10 } = options;
  const store = createBackchannelStore(pool, rowSeal);
  const hints = createIdTokenHints(issuer, signer);
  const reading = { issuer, clientKeys: dependencies.clientKeys, objects: createPushedRequestStore(pool, rowSeal) };
  const sealer = pingSecret === undefined ? undefined : createPingSealer(pingSecret, random);
  const pings = sealer && createPings({ ...dependencies, sealer, ...defined({ everyMs: options.pingEveryMs }) });
  const sweeper = createSweeper({
    what: 'backchannel requests',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now(), limit),
  });

  async function answer(context: ClientContext): Promise<BackchannelAuthenticationResponse> {
    const { client, directory, now, note } = context;
    if (!client.grantTypes.includes(cibaGrantType))
      throw refuse('ciba_not_registered', `The client is not registered for the grant ${cibaGrantType}.`);
    const read = await readRequest(context, reading);
    const request = parseBackchannelRequest(bindProofKey(read.parameters, context));
    requireNotificationToken(request, context);

    const person = await identifyPerson(request.hint, context, hints);
    note({ subject: { id: person.id, institution: person.institution } });
    const terms = checkTerms(request.asked, {
      ...{ client, directory, now, issuer },
      detailTypes: dependencies.policyEngine.detailTypes(),
    });
    note({ scope: terms.scopes, ...(terms.resources.length === 0 ? {} : { audience: terms.resources }) });
    await requireRoom(context, person.id);
    await read.claim();

    const authReqId = Buffer.from(random.bytes(32)).toString('base64url');
    const hash = sha256(authReqId);
    const lifetimeSeconds = Math.min(
      request.requestedExpirySeconds ?? defaultRequestLifetimeSeconds,
      longestRequestLifetimeSeconds,
    );
    const asked: AskedRequest = {
      hash,
      client: client.id,
      person: person.id,
      asked: request.asked,
      acrValues: client.profile === 'fapi2' ? request.acrValues : [],
      ...(request.bindingMessage === undefined ? {} : { bindingMessage: request.bindingMessage }),
      holder: holderOf(request, context),
      recordId: newId('record', { clock, random }),
      requestedAt: now,
      expiresAt: now + lifetimeSeconds * 1000,
    };
    const digests = terms.details.map(digestOfIntent);
    const [intent] = digests;
    await audit.append({
      ...context.established,
      id: asked.recordId,
      type: 'backchannel.requested',
      source: 'authorization-server',
      outcome: 'permit',
      ...(intent === undefined || digests.length > 1 ? {} : { intent }),
      data: {
        auth_req_id_sha256: hash.toString('base64url'),
        intent_digests: digests,
        ...applicationDigests(terms),
        signed: read.signedDigest !== undefined,
        expires_in: lifetimeSeconds,
        hint: request.hint.kind,
        ...digestsOf(request, read.signedDigest),
      },
    });
    const { notificationToken } = request;
    await store.insert(asked, {
      pollIntervalSeconds,
      ...(notificationToken === undefined || sealer === undefined || client.backchannelDelivery?.mode !== 'ping'
        ? {}
        : { ping: sealer.seal({ authReqId, notificationToken }, asked) }),
      removedAfter: asked.expiresAt + rememberedForMs,
    });
    return { auth_req_id: authReqId, expires_in: lifetimeSeconds, interval: pollIntervalSeconds };
  }

  function requireNotificationToken({ notificationToken }: BackchannelRequest, { client }: ClientContext): void {
    if (client.backchannelDelivery?.mode !== 'ping') return;
    if (sealer === undefined)
      throw refuse(
        'ping_not_offered',
        'The client is registered for the delivery mode ping, which this server does not offer.',
      );
    if (notificationToken === undefined)
      throw refuse('notification_token_missing', 'A client in ping mode must send a client_notification_token.');
  }

  async function requireRoom({ client, now }: ClientContext, person: AskedRequest['person']): Promise<void> {
    if ((await store.openOfClient(client.id, now, maxOutstanding)) >= maxOutstanding)
      throw refuse('too_many_outstanding', `At most ${maxOutstanding} requests of a client can be pending.`);
    if ((await store.openForPerson(client.id, person, now, maxOutstandingForPerson)) >= maxOutstandingForPerson)
      throw refuse(
        'too_many_outstanding',
        `At most ${maxOutstandingForPerson} requests for one person can be pending.`,
      );
  }

  const decided = () => pings?.hurry();
  const approvals = createApprovals({ ...dependencies, store, decided });

  return {
    ask: createClientEndpoint(
      { name: 'backchannel-authentication', proof: 'optional', refusalType: 'backchannel.refused', answer },
      // CIBA Core section 7.1: the audience is the issuer, the token endpoint or this endpoint.
      { ...dependencies, furtherAudiences: [`${issuer}/token`, `${issuer}/bc-authorize`] },
    ),
    requests: createBackchannelRequests(store, dependencies.standings),
    approvals,
    mountPages: (app) => backchannelAuthenticationRoutes(app, { approvals, issuer, random, logger }),
    deliveryModes: pings === undefined ? ['poll'] : ['poll', 'ping'],
    ping: async () => pings?.run(),
    sweep: sweeper.sweep,
    async stop() {
      await Promise.all([sweeper.stop(), pings?.stop()]);
    },
  };
}

/** Binds the result to the key or certificate that the client presented, if any. */
function holderOf({ dpopJkt }: BackchannelRequest, { client, certificate }: ClientContext): RequestHolder {
  if (client.binding === 'dpop' && dpopJkt !== undefined) return { jkt: dpopJkt };
  if (client.binding === 'mtls' && certificate !== undefined) return { certificate: certificate.thumbprint };
  return {};
}

/** The message may name people, so only its digest is recorded. */
function digestsOf(request: BackchannelRequest, signedDigest: Json | undefined): { readonly [name: string]: Json } {
  return {
    ...(request.bindingMessage === undefined
      ? {}
      : { binding_message_sha256: sha256(request.bindingMessage).toString('base64url') }),
    ...(signedDigest === undefined ? {} : { request_object_digest: signedDigest }),
  };
}
