import {
  type AuditAppender,
  type AuthenticatorRegister,
  type Devices,
  type Directory,
  deviceErrors,
  type PrincipalId,
  type RecognisedDevice,
} from '@countersign/contracts';
import { type Clock, defined, isCodedError, parseJson, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { Settings } from '../config.ts';
import { describedBrowser } from '../described-browser.ts';
import type { MethodOutcome, MethodRefusal, SignInMethod } from '../methods/method.ts';
import type { Risk } from '../risk/risk.ts';
import type { VerifiedSignIn } from '../sessions/records.ts';
import { sessionRefused } from '../sessions/records.ts';
import { type SessionKind, suffices, type TierRules } from '../sessions/tiers.ts';
import { eligibilityOf } from '../standing.ts';
import type { FailureAlarm } from './failure-alarm.ts';
import type { StoredSignIn } from './sign-in-store.ts';

export function serves(method: SignInMethod, { need }: Pick<StoredSignIn, 'need'>, rules: TierRules): boolean {
  if (need.intents !== undefined && method.bindsIntents !== true) return false;
  if (need.intents === undefined && method.onlyForIntents === true) return false;
  return method.acrs.some((acr) => acceptsClass(need, rules, acr));
}

/** With the requested classes that the tier accepts. */
export function narrowed(need: StoredSignIn['need'], rules: TierRules): StoredSignIn['need'] {
  const { acrValues } = rules[need.tier];
  if (acrValues === undefined) return need;
  return {
    ...need,
    acrValues: need.acrValues.length === 0 ? acrValues : need.acrValues.filter((acr) => acrValues.includes(acr)),
  };
}

/** Requested, and accepted by the tier. */
export function acceptsClass({ acrValues, tier }: StoredSignIn['need'], rules: TierRules, acr: string): boolean {
  return (acrValues.length === 0 || acrValues.includes(acr)) && suffices(rules[tier], acr);
}

export interface JudgeDependencies {
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Settings;
  /** Without it no account is locked. */
  readonly accounts?: Pick<AuthenticatorRegister, 'isLocked'>;
  readonly devices?: Pick<Devices, 'recognise' | 'requireFit'>;
  readonly risk?: Pick<Risk, 'signedIn' | 'failed'>;
  readonly alarm: FailureAlarm;
  readonly logger: Logger;
}

export interface AttemptFrom {
  /** From the cookie for this kind of session. */
  readonly secretOf: (kind: SessionKind) => string | undefined;
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  readonly zone?: string | undefined;
  readonly userAgent?: string | undefined;
  /** SHA-256 of the connection's certificate, base64url. */
  readonly connectionCertificate?: string | undefined;
}

export interface Judged {
  readonly handle: string;
  readonly signIn: StoredSignIn;
  readonly method: SignInMethod;
  readonly outcome: Exclude<MethodOutcome, { outcome: 'redirect' }>;
  readonly nonce: string;
  /** Sent by the page's script. */
  readonly proof: string | undefined;
  readonly from: AttemptFrom;
}

export interface RefusedSignIn {
  readonly state: 'refused';
  readonly refusal: MethodRefusal;
}
export type Verdict = RefusedSignIn | { readonly state: 'verified'; readonly verified: VerifiedSignIn };

/** Checks of every method: the person is eligible, and the sign-in strong enough and for these intents. */
export function createJudge(dependencies: JudgeDependencies) {
  const { audit, directory, settings, logger, accounts, devices, risk, alarm } = dependencies;

  /** Recorded before the answer. @param why the true reason, if the browser gets another */
  async function refuse(
    refusal: MethodRefusal,
    { signIn, method, outcome, from }: Judged,
    why: string = refusal.code,
    device?: string,
  ): Promise<RefusedSignIn> {
    const { person } = refusal;
    const { need } = signIn;
    const { address, zone } = from;
    if (person !== undefined) {
      const institution = directory.snapshot().knownPrincipal(person)?.institution;
      const authenticator = outcome.outcome === 'identified' ? outcome.authenticator : undefined;
      const about = { person, institution, authenticator, method: method.name, tier: need.tier, intents: need.intents };
      const facts = { ...about, reason: why, askedFor: need.reason, address, zone, device };
      await audit.append(sessionRefused(dependencies, facts));
    }
    alarm.failed({ method: method.name, code: why, address });
    // The sign-in is already recorded, so a failure here must not prevent the answer.
    await risk
      ?.failed({ person, address, code: why })
      .catch((error: unknown) => logger.warn({ error }, 'a refused sign-in could not be checked for risk signals'));
    return { state: 'refused', refusal };
  }

  async function judge(attempt: Judged): Promise<Verdict> {
    const { handle, signIn, method, outcome, nonce, from } = attempt;
    const { need } = signIn;
    if (outcome.outcome === 'refused') return refuse(outcome, attempt);
    const { person, acr, amr, authenticator, issuer, certificate, authTime } = outcome;
    const no = (code: MethodRefusal['code'], detail: string, device?: string) =>
      refuse({ outcome: 'refused', code, detail, person }, attempt, code, device);

    const snapshot = directory.snapshot();
    const found = eligibilityOf(snapshot, person);
    if (found.status === 'unknown') {
      const known = snapshot.knownPrincipal(person) === undefined ? undefined : person;
      return refuse({ ...nobodyOf(method), ...defined({ person: known }) }, attempt, found.code);
    }
    if (await accounts?.isLocked(person)) return refuse({ ...nobodyOf(method), person }, attempt, 'account_locked');
    if (found.status === 'ineligible')
      return no(found.code, 'The registration (LEI) of the institution is not in good standing.');
    if (!acceptsClass(need, settings.tiers, acr))
      return no('authenticator_too_weak', 'What you used to sign in is not strong enough for this. Use another one.');
    if (need.intents !== undefined && outcome.boundToIntents !== true)
      return no('method_not_available', 'This sign-in method cannot confirm orders. Choose another one.');
    if (authTime !== undefined && need.notBefore !== undefined && authTime < need.notBefore)
      return no('sign_in_too_old', 'Your sign-in there is too old for this. Sign in there again.');

    let device: RecognisedDevice | undefined;
    try {
      device = await devices?.recognise({
        about: handle,
        person,
        proof: parsedProof(attempt.proof),
        ...defined({ certificateThumbprint: from.connectionCertificate }),
      });
      if (settings.tiers[need.tier].deviceRequired) await devices?.requireFit(device, person);
    } catch (error) {
      if (!isCodedError(error) || !isDeviceCode(error.code)) throw error;
      return no(error.code, error.detail, device?.id);
    }
    const { address, zone, userAgent } = from;
    return {
      state: 'verified',
      verified: {
        ...{ person, acr, amr, authenticator, issuer, certificate, address, zone, tier: need.tier },
        institution: found.institution,
        method: method.name,
        authTime: authTime === undefined ? undefined : authTime * 1000,
        device: device?.id,
        directoryVersion: snapshot.version,
        described: describedBrowser(userAgent, address),
        ...(need.intents === undefined ? {} : { stepUp: { intents: need.intents, reason: need.reason, nonce } }),
      },
    };
  }

  return { judge, refuse };
}

/** The answer for unknown people, so that a stranger does not learn who is locked or gone. */
export function nobodyOf(method: SignInMethod): MethodRefusal {
  const detail = 'This person is not in the directory. Choose another way to sign in, or ask your administrator.';
  return method.nobody ?? { outcome: 'refused', code: 'person_unknown', detail };
}

function isDeviceCode(code: string): code is keyof (typeof deviceErrors)['codes'] {
  return Object.hasOwn(deviceErrors.codes, code);
}

/** Unreadable JSON is a wrong proof. */
function parsedProof(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  const parsed = parseJson(text);
  return parsed.ok ? parsed.value : text;
}
