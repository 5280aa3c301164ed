import { type Clock, CodedError, errorVocabulary, systemClock } from '@countersign/kernel';
import {
  type AccessTokenClaims,
  createKeyCache,
  importVerificationKey,
  isKeyUnknown,
  type ResourceRequest,
  type VerificationKey,
  type VerifiedResourceRequest,
  verifyResourceRequest,
} from '@countersign/oauth';
import { createReplayMemory, type ReplayMemory } from './replay-memory.ts';
import { createTransport, isObject, type Transport } from './transport.ts';

export const protectionErrors = errorVocabulary({
  insufficient_scope: 'forbidden',
  proof_replayed: 'unauthenticated',
  issuer_keys_unavailable: 'unavailable',
});

export interface ProtectionOptions {
  /** Issuer identifier of the control plane. */
  readonly issuer: string;
  /** This service's resource URI: the only audience it accepts. */
  readonly audience: string;
  readonly transport?: Transport;
  readonly clock?: Clock;
  /** Shared by the service's instances, so that a proof used at one is refused at all; in memory when left out. */
  readonly replay?: ReplayMemory;
}

/** Who calls, after every check that can be made without asking the control plane. */
export interface Access {
  readonly claims: AccessTokenClaims;
  readonly scope: readonly string[];
  /** Principal ids of the acting chain, current actor first. */
  readonly actors: readonly string[];
  /** The compact token, for exchanging it. Never log it. */
  readonly accessToken: string;
}

/** The enforcement point of one protected interface. A valid token alone never authorises: ask the decision point too. */
export interface Protection {
  /**
   * Checks token, proof, binding, replay and scope, in this order.
   *
   * @throws CodedError of `accessTokenErrors`, `proofErrors` (oauth) and {@link protectionErrors}
   */
  check(request: ResourceRequest, need: { readonly scope: string }): Promise<Access>;
}

const keysLifeMs = 300_000;
/** An unknown `kid` makes us fetch again, but a flood of made-up ones must not make us flood the issuer. */
const refetchPauseMs = 5_000;

export function createProtection(options: ProtectionOptions): Protection {
  const clock = options.clock ?? systemClock;
  const transport = options.transport ?? createTransport();
  const replay = options.replay ?? createReplayMemory({ clock });
  const proofKeys = createKeyCache();
  let keys: ReadonlyMap<string, VerificationKey> = new Map();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let fetching: Promise<void> | undefined;

  async function fetchKeys(): Promise<void> {
    const answer = await transport.send({
      method: 'GET',
      url: `${options.issuer}/jwks`,
      headers: { accept: 'application/json' },
    });
    const listed =
      isObject(answer.body) && Array.isArray(answer.body['keys'])
        ? (answer.body['keys'] as unknown[]).slice(0, 32)
        : [];
    const read = listed.flatMap((jwk) => readKey(jwk));
    if (answer.status !== 200 || read.length === 0)
      throw protectionErrors.error(
        'issuer_keys_unavailable',
        'The control plane publishes no usable signing keys at the moment.',
      );
    keys = new Map(read);
    fetchedAt = clock.now();
  }

  async function refresh(): Promise<void> {
    fetching ??= fetchKeys().finally(() => {
      fetching = undefined;
    });
    await fetching;
  }

  async function ensureKeys(): Promise<void> {
    if (clock.now() - fetchedAt < keysLifeMs) return;
    try {
      await refresh();
    } catch (error) {
      // Keys that were good a while ago still verify what they signed; with none at all the answer is no.
      if (keys.size === 0) throw error;
    }
  }

  async function verify(request: ResourceRequest): Promise<VerifiedResourceRequest> {
    await ensureKeys();
    const attempt = (): VerifiedResourceRequest =>
      verifyResourceRequest(request, {
        issuer: options.issuer,
        audience: options.audience,
        keyOf: (kid) => keys.get(kid),
        proofKeys,
        now: clock.now(),
      });
    try {
      return attempt();
    } catch (error) {
      if (!isKeyUnknown(error) || clock.now() - fetchedAt < refetchPauseMs) throw error;
      await refresh();
      return attempt();
    }
  }

  return {
    async check(request, need) {
      const { claims, scope, actors, proof } = await verify(request);
      if ((await replay.claim(`${proof.jkt} ${proof.jti}`, proof.expiresAt)) === 'replayed')
        throw protectionErrors.error(
          'proof_replayed',
          'This DPoP proof has been used before; make a new one for each request.',
        );
      if (!scope.includes(need.scope))
        throw protectionErrors.error('insufficient_scope', `The token lacks the scope ${need.scope}.`, {
          facts: { scope: need.scope },
        });
      const accessToken = request.authorization[0]?.split(' ').at(-1) ?? '';
      return { claims, scope, actors, accessToken };
    },
  };
}

/** A key we cannot use is left out; that a key set holds one must not stop the others. */
function readKey(jwk: unknown): readonly (readonly [string, VerificationKey])[] {
  if (!isObject(jwk) || typeof jwk['kid'] !== 'string') return [];
  try {
    return [[jwk['kid'], importVerificationKey(jwk)]];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}
