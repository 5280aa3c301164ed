import { hardwareAcr, phishingResistantAcr } from '@countersign/contracts';
import {
  type JudgedAuthenticator,
  type Judgement,
  judgeRegistration,
  type RegistrationRule,
  strictestRule,
} from '@countersign/webauthn/ceremonies';
import type { AuthenticatorSettings } from './config.ts';

const hardware: RegistrationRule = { deviceBound: true, attestation: 'trusted' };

/** What a person needs, and which class an authenticator has. */
export function createRules({ rules, trust }: AuthenticatorSettings) {
  /** The strictest combination. */
  const ruleOf = (roles: readonly string[]): RegistrationRule =>
    strictestRule(rules.filter((rule) => rule.roles === undefined || rule.roles.some((role) => roles.includes(role))));
  return {
    ruleOf,
    /** At registration and at each use, by the current roles and metadata. */
    judge: (authenticator: JudgedAuthenticator, roles: readonly string[]): Judgement =>
      judgeRegistration(authenticator, ruleOf(roles), trust),
    acrOf: (authenticator: JudgedAuthenticator): string =>
      judgeRegistration(authenticator, hardware, trust).ok ? hardwareAcr : phishingResistantAcr,
    /** Only if trust roots or metadata are configured. */
    asksForAttestation: trust.roots.length > 0 || trust.metadata.size > 0,
  };
}

export type Rules = ReturnType<typeof createRules>;

/** RFC 8176. Without attestation, how the key is stored is not stated. */
export function amrOf({ acr, backupEligible }: { readonly acr: string; readonly backupEligible: boolean }) {
  const kept = acr === hardwareAcr ? ['hwk'] : backupEligible ? ['swk'] : [];
  return ['pop', ...kept, 'user'];
}
