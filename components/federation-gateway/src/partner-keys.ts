import {
  type AuditAppender,
  federationErrors,
  type Outbound,
  outboundErrors,
  type StandingReader,
  type TrustProfile,
} from '@countersign/contracts';
import { type Clock, isCodedError, type Random } from '@countersign/kernel';
import { createKeyCache, type VerificationKey } from '@countersign/oauth';
import type { Logger } from '@countersign/runtime';
import {
  createHeldDocument,
  type HeldDocument,
  type HeldDocumentTimes,
  retryFacts,
  tryAgain,
} from './held-document.ts';
import { type BoundKeys, createKeyBindings } from './key-bindings.ts';
import { readKeySet } from './key-set.ts';
import { refuse } from './refusal.ts';

export interface PartnerKeyTimes extends HeldDocumentTimes {
  /** For one fetch. */
  readonly fetchTimeoutMs: number;
}

const defaultTimes: PartnerKeyTimes = {
  freshMs: 5 * 60_000,
  usableMs: 60 * 60_000,
  pauseMs: 10_000,
  longestPauseMs: 60_000,
  fetchTimeoutMs: 3_000,
};

export interface PartnerKeys {
  /**
   * @throws CodedError `assertion_key_unknown`; `assertion_key_changed` when the `kid` named another key before;
   * `partner_keys_unavailable`
   */
  keyOf(profile: TrustProfile, kid: string | undefined): Promise<VerificationKey>;
}

interface Partner {
  /** As of the last fetch. */
  profile: TrustProfile;
  readonly held: HeldDocument<BoundKeys>;
}

const maxBytes = 65_536;

/**
 * Fetched only from the address in the profile, never from one in an assertion. Fetched again when an assertion names
 * an unknown key, and kept for longer while the partner is down. Shared, so that each key set is fetched once.
 */
export function createPartnerKeys(options: {
  readonly outbound: Pick<Outbound, 'getJson'>;
  readonly audit: AuditAppender & StandingReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly times?: Partial<PartnerKeyTimes>;
}): PartnerKeys {
  const { outbound, logger } = options;
  const times = { ...defaultTimes, ...options.times };
  const cache = createKeyCache();
  const bindings = createKeyBindings(options.audit);
  // Only registered issuers have an entry.
  const partners = new Map<string, Partner>();

  function heldFor(profile: TrustProfile): HeldDocument<BoundKeys> {
    const known = partners.get(profile.issuer);
    if (known?.profile.jwksUri === profile.jwksUri) {
      known.profile = profile;
      return known.held;
    }
    const entry: Partner = { profile, held: createHeldDocument({ ...options, times, load: () => load(entry) }) };
    partners.set(profile.issuer, entry);
    return entry.held;
  }

  /** @throws CodedError for a fault that the partner must correct */
  async function load(entry: Partner): Promise<BoundKeys> {
    const { issuer, jwksUri } = entry.profile;
    const rejected = (problem: string, cause?: unknown) => {
      logger.warn({ issuer, problem }, 'key set of a partner was not accepted');
      return federationErrors.error('partner_keys_unavailable', problem, cause === undefined ? {} : { cause });
    };
    let document: unknown;
    try {
      document = await outbound.getJson(jwksUri, { timeoutMs: times.fetchTimeoutMs, maxBytes });
    } catch (error) {
      if (isCodedError(error) && Object.hasOwn(outboundErrors.codes, error.code))
        throw rejected(error.internal ?? error.detail, error);
      throw error;
    }
    const set = readKeySet(document, cache);
    if (!set.ok) {
      if (set.compromised) entry.held.forget();
      throw rejected(set.problem);
    }
    const bound = await bindings.bind(entry.profile, set.keys);
    for (const kid of bound.foreign.keys())
      logger.warn({ issuer, kid }, 'a kid of a partner names another key than before');
    return bound;
  }

  return {
    async keyOf(profile, kid) {
      if (kid === undefined) throw refuse('assertion_key_unknown', 'Its header must name the key by its kid.');
      const held = heldFor(profile);
      const fresh = held.fresh()?.keys.get(kid);
      if (fresh !== undefined) return fresh;
      await held.refresh();
      const set = held.usable();
      const key = set?.keys.get(kid);
      if (key !== undefined) return key;
      if (set?.foreign.has(kid) === true)
        throw refuse(
          'assertion_key_changed',
          'The kid of its header named another key of its issuer before. The issuer publishes a new key under a new kid.',
        );
      // Unknown until the partner has answered.
      const failure = held.failure();
      if (failure !== undefined || set === undefined)
        throw federationErrors.error(
          'partner_keys_unavailable',
          `The keys of the assertion's issuer are not available. ${tryAgain(failure)}`,
          { ...retryFacts(failure), ...(failure === undefined ? {} : { cause: failure.cause }) },
        );
      throw refuse('assertion_key_unknown', 'Its issuer has no key with the kid of the header.');
    },
  };
}
