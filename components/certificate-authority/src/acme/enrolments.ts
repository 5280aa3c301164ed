import { createHmac } from 'node:crypto';
import {
  type CertificateProfileName,
  certificateAuthorityErrors,
  type Decision,
  type DepartureEffect,
  type Enrolment,
  enrolmentErrors,
  kindOfPrincipal,
  type NewEnrolment,
  type PrincipalId,
} from '@countersign/contracts';
import {
  defined,
  type EnrolmentId,
  isCodedError,
  isVisibleText,
  newId,
  parseId,
  parseInstant,
} from '@countersign/kernel';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { createIssuanceDecider } from '../issuance/decide-issuance.ts';
import { type Asking, institutionOf, notPermitted } from '../issuance/judge-order.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { firstTerms, isDnsName, permitsHost, profileNamed, releasedProfiles } from '../profiles.ts';
import { findEnrolmentByKey, listEnrolments } from './acme-store.ts';
import {
  createEnrolmentCommands,
  type EnrolmentCommands,
  type EnrolmentJudgement,
  holderEnrolments,
} from './enrolment-commands.ts';
import { type EnrolmentState, type StoredEnrolment, shownEnrolment } from './enrolment-state.ts';

/** A request to enrol a principal for certificates of one profile. */
export interface EnrolmentOrder {
  readonly profile: string;
  readonly holder: PrincipalId;
  readonly dnsNames: readonly string[];
  /** How long the secret can be used; a day by default. */
  readonly expiresInSeconds?: number;
}

export interface Enrolments extends Pick<EnrolmentCommands, 'use' | 'changeKey' | 'refuse'> {
  /** @throws CodedError `enrolment_invalid`, `profile_unknown`, `certificate_request_refused`, `certificate_not_permitted` */
  make(order: EnrolmentOrder, by: Asking): Promise<NewEnrolment>;
  /** Newest first, at most 100. */
  list(filter: { readonly holder?: string; readonly institution?: string }): Promise<readonly Enrolment[]>;
  show(id: string): Promise<Enrolment | undefined>;
  /** Idempotent. @throws CodedError `enrolment_unknown`, `enrolment_invalid` */
  end(id: string, reason: string, by: Asking): Promise<Enrolment>;
  find(id: string): Promise<StoredEnrolment | undefined>;
  /** The enrolment that has the account with this key. */
  findByKey(thumbprint: string): Promise<StoredEnrolment | undefined>;
  /** The HMAC key of an enrolment; the same on every node. */
  secretOf(id: EnrolmentId): Uint8Array;
  /** Ends the enrolments and accounts of a principal that leaves. */
  readonly departureEffect: DepartureEffect;
}

const mostListed = 100;
const day = 86_400;
const longestSeconds = 7 * day;
const mostNames = 20;

const { error } = certificateAuthorityErrors;
const invalid = (detail: string) => enrolmentErrors.error('enrolment_invalid', detail);

/** One-time enrolments. Their secrets are derived from a key that is not in the database. */
export function createEnrolments(
  dependencies: CertificateAuthorityDependencies & { readonly ledger: Ledger },
): Enrolments {
  const { pool, clock, random, issuer, operator, directory, ledger, audit } = dependencies;
  const hosts = dependencies.hosts ?? [new URL(issuer).hostname];
  const commands = createEnrolmentCommands(dependencies);
  const decide = createIssuanceDecider(dependencies);

  const secretOf = (id: EnrolmentId): Uint8Array =>
    createHmac('sha256', dependencies.enrolmentKey).update(`external account binding ${id}`).digest();

  async function checkNames(name: CertificateProfileName, dnsNames: readonly string[]): Promise<void> {
    const { namesHosts } = releasedProfiles[name];
    if (!namesHosts) {
      if (dnsNames.length > 0) throw invalid(`Certificates of the profile ${name} cannot name hosts.`);
      return;
    }
    if (dnsNames.length === 0 || dnsNames.length > mostNames)
      throw invalid(`An enrolment for the profile ${name} names one to ${mostNames} hosts.`);
    const terms = (await ledger.current()).profiles.get(name)?.terms ?? firstTerms(name, hosts);
    if (!terms.enabled) throw error('certificate_request_refused', `The profile ${name} is disabled.`);
    if (dnsNames.some((host) => !isDnsName(host) || !permitsHost(terms.dnsNames, host)))
      throw error('certificate_request_refused', `The profile ${name} does not permit one of the hosts.`);
  }

  async function grant(
    id: EnrolmentId,
    {
      holder,
      dnsNames,
      expiresInSeconds = day,
      ...order
    }: EnrolmentOrder & { readonly profile: CertificateProfileName },
    by: Asking,
    decided: (decision: Decision) => void,
  ): Promise<{ readonly state: EnrolmentState; readonly decision: Decision }> {
    const { profile } = order;
    if (kindOfPrincipal(holder) === 'device')
      throw invalid('A device cannot be enrolled: its certificate needs an attested key.');
    if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 60 || expiresInSeconds > longestSeconds)
      throw invalid('The lifetime of an enrolment is 60 seconds to 7 days.');
    const institution = institutionOf({ holder, profile }, releasedProfiles[profile], directory.snapshot());
    if (by.institution !== institution && by.institution !== operator)
      throw error('certificate_request_refused', 'The holder belongs to another institution.');
    await checkNames(profile, dnsNames);
    const decision = await decide({ holder, profile }, institution, by);
    decided(decision);
    if (!decision.decision) throw notPermitted(decision);
    const now = clock.now();
    const state: EnrolmentState = {
      ...{ id, profile, holder, institution },
      dnsNames: [...new Set(dnsNames)],
      madeBy: by.id,
      madeAt: now,
      expiresAt: now + expiresInSeconds * 1_000,
      account: undefined,
      ended: undefined,
    };
    return { state, decision };
  }

  async function judge(
    id: EnrolmentId,
    order: EnrolmentOrder & { readonly profile: CertificateProfileName },
    by: Asking,
  ): Promise<EnrolmentJudgement> {
    let decision: Decision | undefined;
    try {
      const granted = await grant(id, order, by, (made) => {
        decision = made;
      });
      return { is: 'granted', ...granted };
    } catch (refusal) {
      if (!isCodedError(refusal) || !Object.hasOwn(certificateAuthorityErrors.codes, refusal.code)) throw refusal;
      return { is: 'refused', error: refusal, ...defined({ decision }) };
    }
  }

  async function find(id: string): Promise<StoredEnrolment | undefined> {
    const known = parseId('enrolment', id);
    return known === undefined ? undefined : commands.things.find(known);
  }

  async function load(id: string): Promise<StoredEnrolment> {
    const found = await find(id);
    if (found === undefined) throw enrolmentErrors.error('enrolment_unknown', 'There is no such enrolment.');
    return found;
  }

  return {
    use: commands.use,
    changeKey: commands.changeKey,
    refuse: commands.refuse,
    secretOf,
    find,
    async make(asked, by) {
      const id = newId('enrolment', { clock, random });
      const order = { ...asked, profile: profileNamed(asked.profile) };
      const { holder, profile } = order;
      await commands.make({ id, holder, profile, by, judgement: await judge(id, order, by) });
      return {
        ...shownEnrolment(await load(id), clock.now()),
        directory: directoryUrlOf(issuer, profile),
        secret: Buffer.from(secretOf(id)).toString('base64url'),
      };
    },
    async list({ holder, institution }) {
      const found = await listEnrolments(pool, { holder, institution, limit: mostListed });
      const proven: StoredEnrolment[] = [];
      for (const one of found) if (await commands.things.counts(one.id, one)) proven.push(one);
      return proven.map((one) => shownEnrolment(one, clock.now()));
    },
    async show(id) {
      const found = await find(id);
      return found && shownEnrolment(found, clock.now());
    },
    async end(id, reason, by) {
      if (reason.trim() === '' || reason.length > 500 || !isVisibleText(reason))
        throw invalid('The reason must be one line of text of at most 500 characters.');
      const { id: known } = await load(id);
      return shownEnrolment(await commands.end({ id: known, reason, by }), clock.now());
    },
    async findByKey(thumbprint) {
      const id = await findEnrolmentByKey(pool, thumbprint);
      if (id === undefined) return undefined;
      const found = await commands.things.find(id);
      return found?.account?.thumbprint === thumbprint ? found : undefined;
    },
    departureEffect: {
      name: 'enrolments',
      async end({ principal, kind, at, by, reason }) {
        // A move changes roles, not the institution. The policies decide at the next certificate.
        if (kind !== 'leave') return { ended: 0 };
        const before = parseInstant(at) ?? 0;
        const prefix = holderEnrolments(principal);
        let ended = 0;
        let after: string | undefined;
        do {
          const page = await audit.standingsUnder(prefix, { after, limit: 1_000 });
          for (const { of } of page.things) {
            const found = await find(of.slice(prefix.length));
            if (found === undefined || found.ended !== undefined || found.madeAt > before) continue;
            await commands.end({ id: found.id, reason, by });
            ended += 1;
          }
          after = page.next;
        } while (after !== undefined);
        return { ended };
      },
    },
  };
}

/** Each profile has a directory of its own, because most clients cannot name a profile. */
export const acmeBaseOf = (issuer: string, profile: CertificateProfileName): string => `${issuer}/acme/${profile}`;
export const directoryUrlOf = (issuer: string, profile: CertificateProfileName): string =>
  `${acmeBaseOf(issuer, profile)}/directory`;
