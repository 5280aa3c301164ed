import { defined } from '@countersign/kernel';
import type { WebAuthnCode } from '../errors.ts';
import type { AttestationTrust } from './attestation-trust.ts';

/** The authenticator requirements for a group of people. User verification is always required. */
export interface RegistrationRule {
  /** The key cannot leave its hardware: BE=0, attested by a trusted manufacturer. */
  readonly deviceBound: boolean;
  /** Whether a trusted root must attest the manufacturer. */
  readonly attestation: 'trusted' | 'any';
  /** Attestation statement formats; default: all supported formats. */
  readonly formats?: readonly string[];
  /** Authenticator models. Default: all models. */
  readonly aaguids?: readonly string[];
}

/**
 * The trust level of an attestation. `none`: there was none. `self`: signed by the credential's own key, which proves nothing.
 * `untrusted`: no chain to a trusted root. `trusted`: a chain to a trusted root.
 */
export type AttestationWorth = 'none' | 'self' | 'untrusted' | 'trusted';

/** The properties checked when an authenticator is registered and each time it is used. */
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

/** Whether to request an attestation from browsers. An attestation reveals the model of the key. */
export function asksForAttestation(rule: RegistrationRule): boolean {
  return needsTrust(rule) || rule.formats !== undefined || rule.aaguids !== undefined;
}

/**
 * Checks an authenticator against a rule. A pure function, used both for new authenticators and for those registered under
 * another rule.
 *
 * @param trust.metadata model metadata; it is applied if it lists the model as compromised or as storing keys in software
 */
export function judgeRegistration(
  { backupEligible, aaguid, attestation, attestationFormat }: JudgedAuthenticator,
  rule: RegistrationRule,
  trust?: Pick<AttestationTrust, 'metadata'>,
): Judgement {
  const model = trust?.metadata.get(aaguid);
  if (model?.compromised === true)
    return refuse('authenticator_model_refused', 'Keys of this model have been broken; use another one.');
  if (rule.deviceBound && (backupEligible || model?.isSoftwareKey === true))
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

/**
 * Combines rules into one that is as strict as all of them, for a person with several roles. Without rules, returns the least
 * strict rule.
 */
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

/** The claim that a key cannot be copied is only as reliable as its source, so it needs a trusted attestation. */
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
