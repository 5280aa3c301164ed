import { federationErrors, type Outbound, type TrustProfile } from '@countersign/contracts';
import { type Clock, type CodedError, defined, isCodedError, type Random } from '@countersign/kernel';
import { openidConfigurationUrl, parseMetadata } from '@countersign/oauth';
import {
  createHeldDocument,
  type HeldDocument,
  type HeldDocumentTimes,
  retryFacts,
  tryAgain,
} from './held-document.ts';

/** The part of OpenID Connect Discovery section 3 that a sign-in needs. */
export interface ProviderMetadata {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** RFC 9207: answers name the issuer. */
  readonly namesItself: boolean;
  /** It supports the parameter `claims` (OpenID Connect Core section 5.5), by which methods are requested. */
  readonly takesClaims: boolean;
}

const times: HeldDocumentTimes = {
  freshMs: 5 * 60_000,
  usableMs: 60 * 60_000,
  pauseMs: 10_000,
  longestPauseMs: 60_000,
};
const limits = { timeoutMs: 3_000, maxBytes: 131_072 };

/** Every address must have the issuer's origin: otherwise people and our assertions could be sent to a third party. */
export function createProviderMetadata(options: {
  readonly outbound: Pick<Outbound, 'getJson'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly times?: Partial<HeldDocumentTimes>;
}) {
  const { outbound } = options;
  // Only registered issuers have an entry.
  const known = new Map<string, HeldDocument<ProviderMetadata>>();

  function heldFor(issuer: string): HeldDocument<ProviderMetadata> {
    const held =
      known.get(issuer) ??
      createHeldDocument({
        ...options,
        times: { ...times, ...options.times },
        load: async () => read(await outbound.getJson(openidConfigurationUrl(issuer), limits), issuer),
      });
    known.set(issuer, held);
    return held;
  }

  return {
    /** @throws CodedError `partner_unavailable`, with the time of the next attempt */
    async of({ issuer }: TrustProfile): Promise<ProviderMetadata> {
      const held = heldFor(issuer);
      const fresh = held.fresh();
      if (fresh !== undefined) return fresh;
      await held.refresh();
      const metadata = held.usable();
      if (metadata !== undefined) return metadata;
      const failure = held.failure();
      throw unavailable(failure?.cause.internal ?? failure?.cause.detail, failure?.cause, failure);
    },
  };
}

export type ProviderMetadataSource = ReturnType<typeof createProviderMetadata>;

function read(document: unknown, issuer: string): ProviderMetadata {
  const members: Partial<Record<string, unknown>> =
    typeof document === 'object' && document !== null ? { ...document } : {};
  const authorizationEndpoint = members['authorization_endpoint'];
  if (
    typeof authorizationEndpoint !== 'string' ||
    authorizationEndpoint.length > 2_048 ||
    !URL.canParse(authorizationEndpoint) ||
    new URL(authorizationEndpoint).origin !== new URL(issuer).origin
  )
    throw unavailable('authorization_endpoint is no URL of its own origin');
  for (const [name, wanted] of needed) {
    const supported = members[name];
    if (supported !== undefined && !(Array.isArray(supported) && supported.includes(wanted)))
      throw unavailable(`${name} without ${wanted}`);
  }
  try {
    const { tokenEndpoint } = parseMetadata(document, issuer);
    const namesItself = members['authorization_response_iss_parameter_supported'] === true;
    const takesClaims = members['claims_parameter_supported'] === true;
    return { authorizationEndpoint, tokenEndpoint, namesItself, takesClaims };
  } catch (error) {
    if (isCodedError(error)) throw unavailable(error.detail, error);
    throw error;
  }
}

const needed = [
  ['response_types_supported', 'code'],
  ['code_challenge_methods_supported', 'S256'],
  ['token_endpoint_auth_methods_supported', 'private_key_jwt'],
] as const;

/** @param internal for our log @param failure with the time of the next attempt */
export function unavailable(
  internal: string | undefined,
  cause?: unknown,
  failure?: { readonly retryAt: number },
): CodedError {
  return federationErrors.error(
    'partner_unavailable',
    `The partner's identity provider is not available or its response is invalid. ${tryAgain(failure)}`,
    {
      ...retryFacts(failure),
      ...defined({ internal, cause }),
    },
  );
}
