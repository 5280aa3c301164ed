import { defined } from '@countersign/kernel';
import type { WebAuthnCode } from '../errors.ts';
import type { AttestationTrust } from './attestation-trust.ts';

/** What authenticators of some people must be. User verification is asked of every one. */
export interface RegistrationRule {
  /** It cannot leave its hardware: BE=0, by the word of a maker who is trusted. */
  readonly deviceBound: boolean;
  /** Whether a trusted root must attest the manufacturer. */
  readonly attestation: 'trusted' | 'any';
  /** Attestation statement formats; each that is understood when left out. */
  readonly formats?: readonly string[];
  /** Models; each when left out. */
  readonly aaguids?: readonly string[];
}

/**
 * What its attestation was worth: `none` was given; `self` is the key's own word, which proves nothing; `untrusted` is that
 * of a maker whom no root stands for; `trusted` leads to a root.
 */
export type AttestationWorth = 'none' | 'self' | 'untrusted' | 'trusted';

/** What of an authenticator is judged, when it is registered and again when it is used. */
export interface JudgedAuthenticator {
  readonly backupEligible: boolean;
  /** UUID. */
  readonly aaguid: string;
  readonly attestation: AttestationWorth;
  readonly attestationFormat: string;
}

export type Judgement =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly code: Extract<
        WebAuthnCode,
        'device_bound_required' | 'attestation_required' | 'attestation_untrusted' | 'authenticator_model_refused'
      >;
      /** For the person. */
      readonly detail: string;
    };

/** Whether browsers are asked for an attestation, which shows the model of the key. */
export function asksForAttestation(rule: RegistrationRule): boolean {
  return needsTrust(rule) || rule.formats !== undefined || rule.aaguids !== undefined;
}

/**
 * Judges an authenticator by a rule. Pure; the same for a new one and for one that was registered under another rule.
 *
 * @param trust.metadata where it knows the model and says that keys of it were broken, or are kept in software, it counts
 */
export function judgeRegistration(
  { backupEligible, aaguid, attestation, attestationFormat }: JudgedAuthenticator,
  rule: RegistrationRule,
  trust?: Pick<AttestationTrust, 'metadata'>,
): Judgement {
  const model = trust?.metadata.get(aaguid);
  if (model?.compromised === true)
    return refuse('authenticator_model_refused', 'Keys of this model have been broken; use another one.');
  if (rule.deviceBound && (backupEligible || model?.keptInSoftware === true))
    return refuse('device_bound_required', 'This key can be copied. Use a security key, from which it cannot be.');
  if (needsTrust(rule) && (attestation === 'none' || attestation === 'self'))
    return refuse('attestation_required', 'No maker vouches for this key. Use a security key of your firm.');
  if (needsTrust(rule) && attestation !== 'trusted')
    return refuse(
      'attestation_untrusted',
      'The maker of this key is not trusted here. Use a security key of your firm.',
    );
  if (rule.formats?.includes(attestationFormat) === false)
    return refuse('authenticator_model_refused', 'Keys that are attested in this way are not taken here.');
  if (rule.aaguids?.includes(aaguid) === false)
    return refuse('authenticator_model_refused', 'Keys of this model are not taken here. Use one of your firm.');
  return { ok: true };
}

/** One rule that is as strict as all of them together: for who has several roles. The laxest when there is none. */
export function strictestRule(rules: readonly RegistrationRule[]): RegistrationRule {
  return rules.reduce<RegistrationRule>(
    (strictest, rule) => {
      const formats = both(strictest.formats, rule.formats);
      const aaguids = both(strictest.aaguids, rule.aaguids);
      return {
        deviceBound: strictest.deviceBound || rule.deviceBound,
        attestation: strictest.attestation === 'trusted' ? 'trusted' : rule.attestation,
        ...defined({ formats, aaguids }),
      };
    },
    { deviceBound: false, attestation: 'any' },
  );
}

/** That a key cannot be copied is only as good as who says so. */
function needsTrust({ attestation, deviceBound }: RegistrationRule): boolean {
  return attestation === 'trusted' || deviceBound;
}

function both(a: readonly string[] | undefined, b: readonly string[] | undefined): readonly string[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter((item) => b.includes(item));
}

function refuse(code: Extract<Judgement, { ok: false }>['code'], detail: string): Judgement {
  return { ok: false, code, detail };
}
