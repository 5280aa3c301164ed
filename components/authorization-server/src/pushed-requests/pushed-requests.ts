import type { ClientRequest, PolicyEngine, StandingReader } from '@countersign/contracts';
import { digestOf, type Json, newId, sha256 } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import { createSweeper, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import {
  applicationDigests,
  type CheckedRequest,
  checkAuthorizationRequest,
  refuse,
} from '../authorization-request/index.ts';
import {
  type ClientContext,
  type ClientEndpointDependencies,
  circumstancesOf,
  createClientEndpoint,
  type Established,
} from '../client-endpoint/index.ts';
import { type RequestObject, readRequestObject } from './request-object.ts';
import { createPushedRequestStore, type PushedRequest, type PushedRequestStore, pushedRequestThing } from './store.ts';

/** RFC 9126 section 2.2. */
export const requestUriPrefix = 'urn:ietf:params:oauth:request_uri:';

/** FAPI 2.0 Security Profile section 5.3.2.2: under 600 seconds. */
const longestLifetimeSeconds = 300;

export interface PushedRequestsOptions {
  /** Until the person arrives: 90 to 300; default 300. */
  readonly requestUriLifetimeSeconds?: number;
  /** Pending requests of one client; default 1,000. */
  readonly maxOutstanding?: number;
}

export interface PushedRequestsDependencies extends ClientEndpointDependencies {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly policyEngine: Pick<PolicyEngine, 'detailTypes'>;
  /** For requests that have been granted. */
  readonly standings: StandingReader;
  readonly logger: Logger;
  readonly options?: PushedRequestsOptions;
}

/** RFC 9126 section 2.2. */
export interface PushedAuthorizationResponse {
  readonly request_uri: string;
  /** Seconds. */
  readonly expires_in: number;
}

export interface PushedRequests {
  /** Records `authorization.pushed` first. @throws CodedError of `oauthErrors`; `too_many_requests` */
  push(request: ClientRequest): Promise<PushedAuthorizationResponse>;
  /** Including consumed and expired ones until they are swept. */
  find(requestUri: string): Promise<(PushedRequest & { readonly hash: Buffer }) | undefined>;
  /** Within the transaction of a decision. */
  readonly consume: PushedRequestStore['consume'];
  /** Also runs by itself. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

/** @param keptBeyondExpirySeconds for a person who arrived in time */
export function createPushedRequests(
  dependencies: PushedRequestsDependencies,
  keptBeyondExpirySeconds: number,
): PushedRequests {
  const { pool, rowSeal, standings, clock, random, audit, logger, issuer, clientKeys, policyEngine } = dependencies;
  const { options = {} } = dependencies;
  const lifetimeSeconds = Math.min(options.requestUriLifetimeSeconds ?? longestLifetimeSeconds, longestLifetimeSeconds);
  const maxOutstanding = options.maxOutstanding ?? 1_000;
  const store = createPushedRequestStore(pool, rowSeal);
  const sweeper = createSweeper({
    what: 'pushed requests',
    logger,
    removeSlice: (limit) => store.removeExpired(clock.now(), limit),
  });

  async function answer(context: ClientContext): Promise<PushedAuthorizationResponse> {
    const { client, directory, now } = context;
    const object = await readRequestObject(context, { issuer, clientKeys });
    const asked = bindProofKey(object?.parameters ?? withoutCredentials(context), context);
    const checked = checkAuthorizationRequest(asked, {
      ...{ client, directory, now, issuer },
      detailTypes: policyEngine.detailTypes(),
    });
    context.note(describePush(checked));
    if ((await store.outstanding(client.id, now, maxOutstanding)) >= maxOutstanding)
      throw refuse('too_many_outstanding', `At most ${maxOutstanding} pushed requests of a client can be pending.`);
    await claimObject(object, context);

    const secret = Buffer.from(random.bytes(32)).toString('base64url');
    const recordId = newId('record', { clock, random });
    await audit.append({
      ...describePush(checked),
      id: recordId,
      type: 'authorization.pushed',
      source: 'authorization-server',
      outcome: 'permit',
      client: client.id,
      ...circumstancesOf(context.request, context.certificate),
      data: {
        redirect_uri: checked.request.redirectUri,
        parameters_digest: digestOf(Object.fromEntries(asked)),
        request_uri_sha256: sha256(secret).toString('base64url'),
        intents: checked.terms.details.map(digestOfIntent),
        ...applicationDigests(checked.terms),
        signed: object !== undefined,
        ...(object === undefined ? {} : { request_object_digest: digestOf(object.text) }),
      },
    });
    await store.insert(
      sha256(secret),
      { client: client.id, parameters: asked, recordId, expiresAt: now + lifetimeSeconds * 1000 },
      now + (lifetimeSeconds + keptBeyondExpirySeconds) * 1000,
    );
    return { request_uri: requestUriPrefix + secret, expires_in: lifetimeSeconds };
  }

  async function claimObject(object: RequestObject | undefined, { client }: ClientContext): Promise<void> {
    if (object?.id === undefined) return;
    const key = sha256(`${client.id.length}:${client.id}${object.id}`);
    if (!(await store.claimObject(key, object.expiresAt)))
      throw refuse('request_object_replayed', 'The request object was used before. Sign a new one, with a new jti.');
  }

  return {
    push: createClientEndpoint(
      { name: 'pushed-authorization', proof: 'optional', refusalType: 'authorization.refused', answer },
      dependencies,
    ),
    async find(requestUri) {
      const secret = secretOf(requestUri);
      if (secret === undefined) return undefined;
      const hash = sha256(secret);
      const found = await store.find(hash);
      if (found === undefined || found.consumed) return found && { ...found, hash };
      const thing = pushedRequestThing(found.recordId);
      return { ...found, hash, consumed: (await standings.standings([thing])).has(thing) };
    },
    consume: store.consume,
    sweep: sweeper.sweep,
    stop: sweeper.stop,
  };
}

function secretOf(requestUri: string): string | undefined {
  if (!requestUri.startsWith(requestUriPrefix)) return undefined;
  const secret = requestUri.slice(requestUriPrefix.length);
  return /^[\w-]{43}$/.test(secret) ? secret : undefined;
}

const credentialParameters = ['client_assertion', 'client_assertion_type'];

/** RFC 9126 section 2.1: the client must be the authenticated one. */
function withoutCredentials({ client, parameters }: ClientContext): ReadonlyMap<string, Json> {
  const asked = new Map<string, Json>([['client_id', client.id], ...parameters]);
  for (const name of credentialParameters) asked.delete(name);
  return asked;
}

/** Without state, nonce and personal data. */
export function describePush({ terms: { scopes: scope, resources } }: CheckedRequest): Established {
  return { scope, ...(resources.length === 0 ? {} : { audience: resources }) };
}

/** RFC 9449 section 10.1. A proof from a client without DPoP-bound tokens binds nothing. */
export function bindProofKey(
  parameters: ReadonlyMap<string, Json>,
  { client, proof }: Pick<ClientContext, 'client' | 'proof'>,
): ReadonlyMap<string, Json> {
  if (proof === undefined) return parameters;
  const named = parameters.get('dpop_jkt');
  if (named !== undefined && named !== proof.jkt)
    throw refuse('dpop_key_differs', 'The dpop_jkt differs from the key of the DPoP proof.');
  if (client.binding !== 'dpop') return parameters;
  return new Map([...parameters, ['dpop_jkt', proof.jkt]]);
}
