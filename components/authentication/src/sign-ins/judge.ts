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
import { sessionRefused } from '../sessions/records.ts';
import type { Shown } from '../sessions/sessions.ts';
import { type SessionKind, suffices, type TierRules } from '../sessions/tiers.ts';
import { standingOf } from '../standing.ts';
import type { FailureAlarm } from './failure-alarm.ts';
import type { StoredSignIn } from './sign-in-store.ts';

/** Whether a sign-in by this method can be good enough for who asked. */
export function serves(method: SignInMethod, { need }: Pick<StoredSignIn, 'need'>, rules: TierRules): boolean {
  if (need.intents !== undefined && method.bindsIntents !== true) return false;
  return method.acrs.some((acr) => acceptsClass(need, rules, acr));
}

/** What is needed, with the classes that will do: those that were asked for, of those that the tier accepts. */
export function narrowed(need: StoredSignIn['need'], rules: TierRules): StoredSignIn['need'] {
  const { acrValues } = rules[need.tier];
  if (acrValues === undefined) return need;
  return {
    ...need,
    acrValues: need.acrValues.length === 0 ? acrValues : need.acrValues.filter((acr) => acrValues.includes(acr)),
  };
}

/** A class must be one that was asked for, and one that the tier accepts. */
export function acceptsClass({ acrValues, tier }: StoredSignIn['need'], rules: TierRules, acr: string): boolean {
  return (acrValues.length === 0 || acrValues.includes(acr)) && suffices(rules[tier], acr);
}

export interface JudgeDependencies {
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Settings;
  /** Who is locked out; nobody where it is left out. */
  readonly accounts?: Pick<AuthenticatorRegister, 'isLocked'>;
  readonly devices?: Pick<Devices, 'recognise' | 'requireFit'>;
  readonly risk?: Pick<Risk, 'signedIn' | 'failed'>;
  readonly alarm: FailureAlarm;
  readonly logger: Logger;
}

/** Where an attempt comes from. */
export interface AttemptFrom {
  /** The secret in the browser's cookie of one kind of session. */
  readonly secretOf: (kind: SessionKind) => string | undefined;
  /** Who is signed in in this browser. */
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  readonly zone?: string | undefined;
  readonly userAgent?: string | undefined;
  /** SHA-256 of the certificate of the connection, base64url, where it has one. */
  readonly connectionCertificate?: string | undefined;
}

export interface Judged {
  readonly handle: string;
  readonly signIn: StoredSignIn;
  readonly method: SignInMethod;
  readonly outcome: Exclude<MethodOutcome, { outcome: 'elsewhere' }>;
  readonly nonce: string;
  /** Of the device, as the page's script sent it. */
  readonly proof: string | undefined;
  readonly from: AttemptFrom;
}

export interface RefusedSignIn {
  readonly state: 'refused';
  readonly refusal: MethodRefusal;
}
export type Verdict = RefusedSignIn | { readonly state: 'shown'; readonly shown: Shown };

/** What every method's attempt goes through: who was shown must be somebody, free to act, shown strongly enough, on what is asked. */
export function createJudge(dependencies: JudgeDependencies) {
  const { audit, directory, settings, logger, accounts, devices, risk, alarm } = dependencies;

  /**
   * Recorded as theirs before it is told, where it is about somebody.
   *
   * @param why the true reason, where the browser is told less
   */
  async function refuse(
    refusal: MethodRefusal,
    { signIn, method, outcome, from }: Judged,
    why: string = refusal.code,
    device?: string,
  ): Promise<RefusedSignIn> {
    const { person } = refusal;
    const { need } = signIn;
    const { address, zone } = from;
    if (person !== undefined)
      await audit.append(
        sessionRefused(dependencies, {
          person,
          institution: directory.snapshot().knownPrincipal(person)?.institution,
          method: method.name,
          reason: why,
          tier: need.tier,
          authenticator: outcome.outcome === 'shown' ? outcome.authenticator : undefined,
          intents: need.intents,
          askedFor: need.reason,
          address,
          zone,
          device,
        }),
      );
    alarm.failed({ method: method.name, code: why, address });
    // Recorded it is; what is unusual about it must not keep the answer from the person.
    await risk
      ?.failed({ person, address, code: why })
      .catch((error: unknown) => logger.warn({ error }, 'what is unusual about a refusal could not be looked at'));
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
    const found = standingOf(snapshot, person);
    if (found.standing === 'unknown')
      return snapshot.knownPrincipal(person) === undefined
        ? refuse(nobodyOf(method), attempt, found.code)
        : refuse({ ...nobodyOf(method), person }, attempt, found.code);
    if (await accounts?.isLocked(person)) return refuse({ ...nobodyOf(method), person }, attempt, 'account_locked');
    if (found.standing === 'barred')
      return no(found.code, 'The registration (LEI) of the institution is not in good standing.');
    if (!acceptsClass(need, settings.tiers, acr))
      return no('authenticator_too_weak', 'What you used to sign in is not strong enough for this. Use another one.');
    if (need.intents !== undefined && outcome.boundToIntents !== true)
      return no('method_not_available', 'This way to sign in cannot be bound to what you are asked about.');
    if (authTime !== undefined && need.notBefore !== undefined && authTime < need.notBefore)
      return no('sign_in_too_old', 'You signed in there too long ago for this. Sign in there once more.');

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
    return {
      state: 'shown',
      shown: {
        ...{
          person,
          institution: found.institution,
          method: method.name,
          acr,
          amr,
          authenticator,
          issuer,
          certificate,
        },
        authTime: authTime === undefined ? undefined : authTime * 1000,
        tier: need.tier,
        device: device?.id,
        directoryVersion: snapshot.version,
        address: from.address,
        zone: from.zone,
        described: describedBrowser(from.userAgent, from.address),
        ...(need.intents === undefined ? {} : { stepUp: { intents: need.intents, reason: need.reason, nonce } }),
      },
    };
  }

  return { judge, refuse };
}

/** Told as nobody is: whether somebody is locked out or gone is no stranger's business. */
export function nobodyOf(method: SignInMethod): MethodRefusal {
  const detail = 'This person is not in the directory. Choose another way, or ask whoever looks after your account.';
  return method.nobody ?? { outcome: 'refused', code: 'person_unknown', detail };
}

function isDeviceCode(code: string): code is keyof (typeof deviceErrors)['codes'] {
  return Object.hasOwn(deviceErrors.codes, code);
}

/** What the script sent, as JSON; a text that is none is a proof that is wrong. */
function parsedProof(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  const parsed = parseJson(text);
  return parsed.ok ? parsed.value : text;
}
