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

/** Applies the rules for authenticators: what a person needs, and which class an authenticator has. */
export function createRules({ rules, trust }: AuthenticatorSettings) {
  /** The strictest combination of all rules that apply to these roles. */
  const ruleOf = (roles: readonly string[]): RegistrationRule =>
    strictestRule(rules.filter((rule) => rule.roles === undefined || rule.roles.some((role) => roles.includes(role))));
  return {
    ruleOf,
    /** Judged when it is registered, and again at each use: by the roles of now, and by what is known of its model now. */
    judge: (authenticator: JudgedAuthenticator, roles: readonly string[]): Judgement =>
      judgeRegistration(authenticator, ruleOf(roles), trust),
    /** The class of a sign-in with it. */
    acrOf: (authenticator: JudgedAuthenticator): string =>
      judgeRegistration(authenticator, hardware, trust).ok ? hardwareAcr : phishingResistantAcr,
    /** Whether attestations are requested: only if trust roots or metadata are configured. */
    asksForAttestation: trust.roots.length > 0 || trust.metadata.size > 0,
  };
}

export type Rules = ReturnType<typeof createRules>;

/** RFC 8176. Without attestation nothing is claimed about where the key is stored. */
export function amrOf({ acr, backupEligible }: { readonly acr: string; readonly backupEligible: boolean }) {
  const kept = acr === hardwareAcr ? ['hwk'] : backupEligible ? ['swk'] : [];
  return ['pop', ...kept, 'user'];
}
