import {
  type AuditAppender,
  auditLogErrors,
  recordIdOfCommand,
  type StandingReader,
  standing,
  type TrustProfile,
} from '@countersign/contracts';
import { digestOf, type RecordId, sha256Base64Url } from '@countersign/kernel';
import type { VerificationKey } from '@countersign/oauth';

type Thumbprint = VerificationKey['thumbprint'];

interface Binding {
  readonly thumbprint: Thumbprint;
  readonly record: RecordId;
}

export interface ForeignKey {
  /** RFC 7638 thumbprint of the offered key. */
  readonly thumbprint: Thumbprint;
  /** The record that binds the `kid` to the other key. */
  readonly bindingRecord: RecordId;
}

/** Split by whether their `kid` is bound to them. */
export interface BoundKeys {
  readonly keys: ReadonlyMap<string, VerificationKey>;
  /** Unusable keys, by `kid`. */
  readonly foreign: ReadonlyMap<string, ForeignKey>;
}

export interface KeyBindings {
  /**
   * Binds each new `kid` permanently to its key and separates keys whose `kid` is bound to another. @throws CodedError
   * `log_unavailable`
   */
  bind(profile: TrustProfile, keys: ReadonlyMap<string, VerificationKey>): Promise<BoundKeys>;
}

/** A cache; the log has all of them. */
const maxRemembered = 4_096;

export function createKeyBindings(audit: AuditAppender & StandingReader): KeyBindings {
  const remembered = new Map<string, Binding>();
  const refused = new Set<string>();

  async function record(
    { id, institution, issuer }: TrustProfile,
    kid: string,
    thumbprint: Thumbprint,
  ): Promise<RecordId> {
    const binding = recordIdOfCommand({ operation: 'bind-partner-key', issuer, kid });
    try {
      await audit.append({
        id: binding,
        type: 'partner.key-bound',
        source: 'federation-gateway',
        outcome: 'done',
        partner: institution,
        standing: [standing(thing(issuer, kid), contentOf(issuer, kid, thumbprint))],
        data: { profile: id, issuer, kid, thumbprint },
      });
    } catch (error) {
      // Another node bound it in the same moment: the log decides.
      if (!auditLogErrors.is(error, 'record_identity_taken')) throw error;
    }
    return binding;
  }

  /** Once for each offered key, on all nodes. */
  async function recordForeign(
    profile: TrustProfile,
    kid: string,
    { thumbprint, bindingRecord }: ForeignKey,
  ): Promise<void> {
    const { id, institution, issuer } = profile;
    const refusal = recordIdOfCommand({ operation: 'refuse-partner-key', issuer, kid, thumbprint });
    if (refused.has(refusal)) return;
    await audit.append({
      id: refusal,
      type: 'partner.key-refused',
      source: 'federation-gateway',
      outcome: 'deny',
      reason: 'assertion_key_changed',
      partner: institution,
      references: [bindingRecord],
      data: { profile: id, issuer, kid, thumbprint },
    });
    if (refused.size >= maxRemembered) refused.clear();
    refused.add(refusal);
  }

  function remember(name: string, binding: Binding): void {
    const [oldest] = remembered.keys();
    remembered.delete(name);
    if (remembered.size >= maxRemembered && oldest !== undefined) remembered.delete(oldest);
    remembered.set(name, binding);
  }

  /** With the record that binds each of them. */
  async function lookUp(issuer: string, keys: readonly (readonly [string, VerificationKey])[]) {
    const found = await audit.standings(keys.map(([kid]) => thing(issuer, kid)));
    return new Map(
      keys.flatMap(([kid, { thumbprint }]) => {
        const bound = found.get(thing(issuer, kid));
        if (bound === undefined) return [];
        const same = bound.digest === digestOf(contentOf(issuer, kid, thumbprint));
        return [[kid, { record: bound.record, same }] as const];
      }),
    );
  }

  return {
    async bind(profile, offered) {
      const { issuer } = profile;
      const keys = new Map<string, VerificationKey>();
      const foreign = new Map<string, ForeignKey>();
      const unknown = [...offered].filter(([kid, key]) => {
        const known = remembered.get(thing(issuer, kid));
        if (known === undefined) return true;
        if (known.thumbprint === key.thumbprint) keys.set(kid, key);
        else foreign.set(kid, { thumbprint: key.thumbprint, bindingRecord: known.record });
        return false;
      });
      const before = unknown.length === 0 ? new Map() : await lookUp(issuer, unknown);
      const unbound = unknown.filter(([kid]) => !before.has(kid));
      for (const [kid, { thumbprint }] of unbound) await record(profile, kid, thumbprint);
      const bound = unbound.length === 0 ? before : new Map([...before, ...(await lookUp(issuer, unbound))]);
      for (const [kid, key] of unknown) {
        const binding = bound.get(kid);
        if (binding?.same === true) {
          remember(thing(issuer, kid), { thumbprint: key.thumbprint, record: binding.record });
          keys.set(kid, key);
        } else if (binding !== undefined)
          foreign.set(kid, { thumbprint: key.thumbprint, bindingRecord: binding.record });
      }
      for (const [kid, key] of foreign) await recordForeign(profile, kid, key);
      return { keys, foreign };
    },
  };
}

/** Hashed: an issuer or `kid` may be longer than a name in the log, or have other characters. */
function thing(issuer: string, kid: string): string {
  return `partner-key:${sha256Base64Url(issuer)}:${sha256Base64Url(kid)}`;
}

function contentOf(issuer: string, kid: string, thumbprint: Thumbprint): { readonly [name: string]: string } {
  return { issuer, kid, thumbprint };
}
