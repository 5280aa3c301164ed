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

/** What the rules ask of the authenticators of people, and what an authenticator is worth by them. */
export function createRules({ rules, trust }: AuthenticatorSettings) {
  /** Of whoever has these roles: the strictest of all that apply. */
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
    /** Whether an attestation can be worth anything here: then it is asked for, so that keys of a known maker count as such. */
    asksForAttestation: trust.roots.length > 0 || trust.metadata.size > 0,
  };
}

export type Rules = ReturnType<typeof createRules>;

/** RFC 8176. Where nobody vouches for it nothing is said of where the key is kept. */
export function amrOf({ acr, backupEligible }: { readonly acr: string; readonly backupEligible: boolean }) {
  const kept = acr === hardwareAcr ? ['hwk'] : backupEligible ? ['swk'] : [];
  return ['pop', ...kept, 'user'];
}
