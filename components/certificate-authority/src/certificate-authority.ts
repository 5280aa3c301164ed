import { statusAt } from '@countersign/commands';
import {
  type AuthorityClass,
  type AuthorityProposal,
  type AuthorityRequest,
  type CertificateAuthority,
  type CertificateProfile,
  type CertificateProfileTerms,
  certificateAuthorityErrors,
  certificateProfileNames,
  type DepartureEffect,
  type IssuedCertificate,
  type IssuingAuthority,
  type ProposalEnder,
  type ReleasedCertificate,
  type Requester,
  type RevocationReason,
} from '@countersign/contracts';
import { type CodedError, defined, parseInstant, toInstant } from '@countersign/kernel';
import { createRounds } from '@countersign/runtime';
import { type AcmeServer, createAcmeServer, type Issuing } from './acme/acme-server.ts';
import { createEnrolments, type Enrolments } from './acme/enrolments.ts';
import { createAuthorities, type LiveAuthority, shownAuthority, thumbprintOf } from './authorities.ts';
import { type CertificateState, type StoredCertificate, shown, statusOf } from './certificate-state.ts';
import type { CertificateAuthorityDependencies } from './dependencies.ts';
import { assemble, isSignedByAuthority } from './forms.ts';
import { createCertificateCommands, holderCertificates, unknownCertificate } from './issuance/certificate-commands.ts';
import { type Asking, createJudge } from './issuance/judge-order.ts';
import { createRenewals, type Renewal, type RenewalOrder } from './issuance/renewals.ts';
import { newSerialNumber } from './issuance/serial-number.ts';
import type { CeremonyResult, Proposal } from './ledger/fold.ts';
import { createLedger } from './ledger/ledger.ts';
import { checkTerms, firstTerms, profileNamed, releasedProfiles } from './profiles.ts';
import { createProposals, proposalOf } from './proposals.ts';
import { createMonitor } from './status/monitor.ts';
import { createResponder, type Responder } from './status/responder.ts';
import { createRevocationLists, type RevocationLists } from './status/revocation-lists.ts';
import { forgetCertificates, keepSignature, listCertificates, replaceSignature } from './store.ts';

export interface RunningCertificateAuthority extends CertificateAuthority, ProposalEnder {
  /**
   * Renews a certificate for the holder of its key, which the connection has proved. A refusal is recorded.
   *
   * @throws CodedError `certificate_unknown` when it is not a certificate of ours, and those of `issue`
   */
  renew(order: RenewalOrder): Promise<ReleasedCertificate>;
  /** The certificate of ours that somebody presents; undefined for any other. Its status is not checked. */
  recognise(presented: Uint8Array): Promise<Renewal | undefined>;
  profiles(): Promise<readonly CertificateProfile[]>;
  /** Accepted authorities that have not expired. */
  authorities(): Promise<readonly IssuingAuthority[]>;
  /** The request that a ceremony signs. */
  requestAuthority(of: AuthorityClass): Promise<AuthorityRequest>;
  proposeTerms(
    profile: string,
    terms: CertificateProfileTerms,
    reason: string,
    by: Requester,
  ): Promise<AuthorityProposal>;
  /**
   * Proposes the certificates of a ceremony.
   * @throws CodedError `authority_certificate_invalid`
   */
  proposeAuthority(
    of: AuthorityClass,
    ceremony: CeremonyResult,
    reason: string,
    by: Requester,
  ): Promise<AuthorityProposal>;
  proposals(status: AuthorityProposal['status'] | undefined): Promise<readonly AuthorityProposal[]>;
  proposal(id: string): Promise<AuthorityProposal>;
  approve(id: string, digest: string, by: Requester): Promise<AuthorityProposal>;
  reject(id: string, reason: string, by: Requester): Promise<AuthorityProposal>;
  readonly lists: Pick<RevocationLists, 'list'>;
  readonly responder: Pick<Responder, 'answer'>;
  readonly enrolments: Omit<Enrolments, 'use' | 'changeKey' | 'refuse' | 'secretOf' | 'find' | 'findByKey'>;
  readonly acme: AcmeServer;
  readonly departureEffect: DepartureEffect;
  /** Renews lists and responder certificates, and compares rows with the log. Also runs periodically. */
  lookAtDue(): Promise<void>;
  stop(): Promise<void>;
}

const mostListed = 100;
const { error } = certificateAuthorityErrors;

/** A private certificate authority. Its state is in the log; rows are copies that count only if their records agree. */
export function createCertificateAuthority(
  dependencies: CertificateAuthorityDependencies,
): RunningCertificateAuthority {
  const { pool, audit, clock, random, logger, issuer } = dependencies;
  const hosts = dependencies.hosts ?? [new URL(issuer).hostname];
  const ledger = createLedger({ log: audit, logger });
  const authorities = createAuthorities({ ...dependencies, ledger });
  const proposals = createProposals({ ...dependencies, ledger });
  const commands = createCertificateCommands(dependencies);
  const judge = createJudge({ ...dependencies, ledger, authorities });
  const lists = createRevocationLists({ ...dependencies, authorities });
  const monitor = createMonitor({ ...dependencies, commands });

  const newSerial = () => newSerialNumber(random);

  const authorityOf = async (id: string): Promise<LiveAuthority> => {
    const found = (await authorities.all()).find((one) => one.id === id);
    if (found === undefined)
      throw error('authority_unavailable', 'The authority of this certificate is not available.');
    return found;
  };

  /** The stored signature if it verifies. Otherwise signs now: the record of the issuance permits it. */
  async function signatureOf(stored: StoredCertificate): Promise<Uint8Array> {
    const authority = await authorityOf(stored.authority);
    const isSound = (signature: Uint8Array) =>
      isSignedByAuthority(assemble(stored.tbs, signature), authority.certificate);
    if (stored.signature !== undefined && isSound(stored.signature)) return stored.signature;
    const made = await authorities.sign(authority, stored.tbs);
    if (stored.signature !== undefined) await replaceSignature(pool, stored.serial, made);
    const kept = await keepSignature(pool, stored.serial, made);
    return isSound(kept) ? kept : made;
  }

  const responder = createResponder({ ...dependencies, authorities, commands, newSerial, signatureOf });

  async function release(stored: StoredCertificate): Promise<ReleasedCertificate> {
    const { certificate } = await authorityOf(stored.authority);
    return {
      ...shown(stored, clock.now()),
      certificate: assemble(stored.tbs, await signatureOf(stored)),
      chain: [certificate],
    };
  }

  const lookUp = async (serial: string): Promise<StoredCertificate | undefined> =>
    /^[0-9a-f]{32}$/.test(serial) ? commands.things.find(serial) : undefined;

  async function load(serial: string): Promise<StoredCertificate> {
    const stored = await lookUp(serial);
    if (stored === undefined) throw unknownCertificate();
    return stored;
  }

  const find = async (serial: string): Promise<ReleasedCertificate | undefined> => {
    const stored = await lookUp(serial);
    return stored === undefined ? undefined : release(stored);
  };

  const renewals = createRenewals({
    audit,
    lookUp,
    isSigned: async ({ authority }, der) => isSignedByAuthority(der, (await authorityOf(authority)).certificate),
  });

  /** The one path to a certificate. What was found against an order before it is judged is recorded as its refusal. */
  async function issueAfter(
    serial: string,
    { onlyReplacement, ...order }: Parameters<Issuing['issueAs']>[1],
    by: Asking,
    {
      predecessor,
      refusal,
    }: { readonly predecessor: CertificateState | undefined; readonly refusal?: CodedError | undefined },
  ): Promise<ReleasedCertificate> {
    const judgement =
      refusal === undefined
        ? await judge(serial, order, by, predecessor)
        : ({ is: 'refused', error: refusal } as const);
    return release(await load(await commands.issue({ serial, order, by, judgement, ...defined({ onlyReplacement }) })));
  }

  const issueAs: Issuing['issueAs'] = async (serial, order, by) => {
    const predecessor = order.predecessor === undefined ? undefined : await lookUp(order.predecessor);
    return issueAfter(serial, order, by, { predecessor });
  };

  async function revoke(serial: string, reason: RevocationReason, by: Requester): Promise<IssuedCertificate> {
    await load(serial);
    await commands.revoke({ serial, reason, by });
    rounds.hurry();
    return shown(await load(serial), clock.now());
  }

  const enrolments = createEnrolments({ ...dependencies, ledger });
  const acme = createAcmeServer({
    ...dependencies,
    enrolments,
    issuing: { issueAs, find, revoke, newSerial },
  });

  const rounds = createRounds({
    what: 'revocation lists and the comparison of certificates',
    async work() {
      await lists.renew();
      await responder.renew();
      await monitor.compare();
      await forgetCertificates(pool, clock.now() - commands.keptAfterEndMs);
      await acme.forget();
    },
    logger,
    everyMs: dependencies.everyMs ?? 5_000,
  });

  async function checkProposal(proposal: Proposal): Promise<void> {
    if (proposal.kind === 'profile') checkTerms(proposal.about, proposal.terms);
    else await authorities.check(proposal.about, proposal.authority);
  }

  return {
    issue: (order, by: Asking) => issueAs(newSerial(), order, by),
    async renew(renewal) {
      const { order, by, predecessor, refusal } = await renewals.read(renewal);
      return issueAfter(newSerial(), order, by, { predecessor, refusal });
    },
    recognise: renewals.recognise,
    revoke,
    find,
    async list({ holder, institution, profile, status }) {
      const now = clock.now();
      const found = await listCertificates(pool, { holder, institution, profile, status, now, limit: mostListed });
      const proven: StoredCertificate[] = [];
      for (const one of found)
        if ((status === undefined || statusOf(one, now) === status) && (await commands.things.counts(one.serial, one)))
          proven.push(one);
      return proven.map((one) => shown(one, now));
    },
    async profiles() {
      const { profiles } = await ledger.current();
      return certificateProfileNames.map((name) => {
        const { authority, policy, revocation, longestSeconds, holders } = releasedProfiles[name];
        const changed = profiles.get(name);
        const terms = changed?.terms ?? firstTerms(name, hosts);
        return {
          name,
          version: changed?.version ?? 0,
          ...terms,
          authority,
          policy,
          revocation,
          longestSeconds,
          holders,
        };
      });
    },
    authorities: async () => (await authorities.all()).map(shownAuthority),
    requestAuthority: (of) => authorities.request(of),
    async proposeTerms(profile, terms, reason, by) {
      const about = profileNamed(profile);
      checkTerms(about, terms);
      return shownProposal(await proposals.propose({ kind: 'profile', about, terms }, reason, by), clock.now());
    },
    async proposeAuthority(of, ceremony, reason, by) {
      await authorities.check(of, ceremony);
      const proposal = await proposals.propose({ kind: 'authority', about: of, authority: ceremony }, reason, by);
      return shownProposal(proposal, clock.now());
    },
    async proposals(status) {
      const now = clock.now();
      return [...(await ledger.current()).proposals.values()]
        .map((proposal) => shownProposal(proposal, now))
        .filter((proposal) => status === undefined || proposal.status === status)
        .toReversed()
        .slice(0, mostListed);
    },
    proposal: async (id) => shownProposal(proposalOf(await ledger.current(), id), clock.now()),
    async approve(id, digest, by) {
      const approved = await proposals.approve(id, digest, by, checkProposal);
      rounds.hurry();
      return shownProposal(approved, clock.now());
    },
    reject: async (id, reason, by) => shownProposal(await proposals.reject(id, reason, by), clock.now()),
    endProposalsOf: proposals.endProposalsOf,
    lists,
    responder,
    enrolments,
    acme,
    departureEffect: {
      name: 'certificates',
      async end(departure) {
        const { principal, kind, at, by } = departure;
        // A person who moves keeps their name. The policies decide at the next renewal.
        if (kind !== 'leave') return { ended: 0 };
        // Enrolments end first. After that, no account can obtain a certificate that the search below would miss.
        const accounts = await enrolments.departureEffect.end(departure);
        const before = parseInstant(at) ?? 0;
        const prefix = holderCertificates(principal);
        let ended = 0;
        let after: string | undefined;
        do {
          const page = await audit.standingsUnder(prefix, { after, limit: 1_000 });
          for (const { of } of page.things) {
            const serial = of.slice(prefix.length);
            const stored = await commands.things.find(serial);
            if (stored === undefined || stored.issuedAt > before || statusOf(stored, clock.now()) !== 'valid') continue;
            await commands.revoke({ serial, reason: 'cessationOfOperation', by });
            ended += 1;
          }
          after = page.next;
        } while (after !== undefined);
        if (ended > 0) rounds.hurry();
        return { ended: ended + accounts.ended };
      },
    },
    lookAtDue: rounds.run,
    async stop() {
      await rounds.stop();
      await acme.stop();
    },
  };
}

function shownProposal(proposal: Proposal, now: number): AuthorityProposal {
  const { id, kind, about, status, expiresAt, digest, decision } = proposal;
  return {
    ...{ id, kind, about, digest },
    status: statusAt(status, expiresAt, now),
    proposedBy: proposal.proposal.by,
    proposedAt: proposal.proposal.at,
    expiresAt: toInstant(expiresAt),
    reason: proposal.proposal.reason ?? '',
    ...(proposal.kind === 'profile'
      ? { terms: proposal.terms }
      : {
          authority: {
            certificate: thumbprintOf(proposal.authority.certificate),
            root: thumbprintOf(proposal.authority.root),
            transcript: proposal.authority.transcript,
          },
        }),
    ...(decision === undefined ? {} : { decidedBy: decision.by, decidedAt: decision.at }),
  };
}
