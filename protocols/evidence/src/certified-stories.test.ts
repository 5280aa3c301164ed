import { type Json, newId, type RecordId, sha256Base64Url } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import { approvalPolicy, approvalUsage } from '@countersign/oauth/certificate-signature';
import { encodeHeader } from '@countersign/oauth/signatures';
import {
  assembleStatusResponse,
  buildStatusResponseData,
  encodeStatusRequest,
  publicKeyJwk,
  readStatusRequest,
} from '@countersign/x509';
import { describe, expect, it } from 'vitest';
import { authorityExtensions, type Holder, type IssueOptions, issue } from '../../x509/src/testing/new-authority.ts';
import { verifyBundle } from './index.ts';
import { tellOrder } from './testing/order-story.ts';

// Approvals with certificates, in a log whose key the attacker holds: every hash and proof is consistent.

type Members = Readonly<Record<string, Json>>;
const at = Date.parse('2026-11-21T09:30:00Z');
const minute = 60_000;
const times = { notBefore: at - 60 * minute, notAfter: at + 600 * minute };

const authority = issue('People', { ...times, extensions: authorityExtensions });
const other = issue('People', { ...times, extensions: authorityExtensions });
const cardOf = (by: Holder, options: IssueOptions = {}, usage = approvalUsage, policy = approvalPolicy): Holder =>
  issue('Card', {
    ...{ by, ...times },
    extensions: {
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: { purposes: [usage], critical: true },
      certificatePolicies: [policy],
    },
    ...options,
  });
const card = cardOf(authority);

function statusOf(of: Holder, by: Holder, thisUpdate = at, revokedAt?: number): Uint8Array {
  const [certificateId] = readStatusRequest(encodeStatusRequest(of.certificate, by.certificate)).certificateIds;
  if (certificateId === undefined) throw new Error('a request without a certificate');
  const status = revokedAt === undefined ? ({ kind: 'good' } as const) : ({ kind: 'revoked', at: revokedAt } as const);
  const responses = [{ certificateId, status, thisUpdate, nextUpdate: thisUpdate + 10 * minute }];
  const from = { responderKey: by.certificate.publicKey, producedAt: thisUpdate };
  const data = buildStatusResponseData({ ...from, responses });
  return assembleStatusResponse(data, by.key.sign(data), []);
}

interface Told {
  readonly card?: Holder;
  readonly chain?: readonly Holder[];
  readonly ocsp?: readonly Uint8Array[];
  readonly signedBy?: Holder;
  /** Changes of the issuance; null: nothing was issued. */
  readonly issued?: Members | null;
  readonly claims?: Members;
  /** The approval's record names no certificate. */
  readonly unnamed?: true;
  /** Changes of the approval's record. */
  readonly record?: Members;
  readonly authorities?: readonly Holder[];
}

const keyOf = ({ certificate }: Holder) => publicKeyJwk(certificate.publicKey);
const issuance: RecordId = newId('record', {
  clock: { now: () => at },
  random: { bytes: (size) => Buffer.alloc(size, 9) },
});

const nameOf = ({ certificate: { serial, encoding } }: Holder) => ({
  serial: Buffer.from(serial).toString('hex'),
  thumbprint: sha256Base64Url(encoding),
});

/** An order whose approval was signed with a certificate. @returns what the check of approvals says */
async function verify(told: Told = {}): Promise<readonly string[]> {
  const { card: used = card, chain = [used, authority], ocsp = [statusOf(used, authority)], signedBy = used } = told;
  const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
  const x5c = chain.map(({ certificate }) => base64(certificate.encoding));
  const header = encodeHeader({ alg: 'ES256', typ: 'countersign-approval+x509', x5c, ocsp: ocsp.map(base64) });
  const story = tellOrder({
    before(name, log) {
      if (name !== 'approved' || told.issued === null) return;
      const data = {
        ...{ holder: 'person:boris', profile: 'operator-approval' },
        tbs_digest: sha256Base64Url(used.certificate.toBeSigned),
        after: { authority: importVerificationKey(keyOf(authority)).thumbprint },
        ...told.issued,
      };
      const common = { type: 'certificate.issued', source: 'certificate-authority', outcome: 'permit' };
      log.add({ id: issuance, ...common, subject: { id: 'service:pki' }, data });
    },
    rewrite(name, draft) {
      if (name !== 'approved') return draft;
      const { jws, ...data } = draft['data'] as Members & { readonly jws: string };
      const claims = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as Members;
      const payload = { iss: 'person:boris', jti: 'card-1', ...claims, ...told.claims };
      const input = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
      const { signature } = signedBy.key.sign(Buffer.from(input));
      const references = (draft['references'] ?? []) as readonly string[];
      return {
        ...draft,
        ...(told.unnamed === true ? {} : { certificate: nameOf(used) }),
        references: told.issued === null ? references : [...references, issuance],
        data: { ...data, key: keyOf(used), jws: `${input}.${Buffer.from(signature).toString('base64url')}` },
        ...told.record,
      };
    },
  });
  const certificateAuthorities = told.authorities?.map(({ certificate }) => certificate.encoding);
  const trust = {
    logVerifierKey: story.log.verifierKey,
    ...(certificateAuthorities === undefined ? {} : { certificateAuthorities }),
  };
  const { steps } = verifyBundle(await story.bundle(), { trust });
  return steps.flatMap(({ step, result, code, detail }) =>
    step === 'approvals' ? [`${[result, code].filter((each) => each !== undefined).join(' ')}: ${detail}`] : [],
  );
}

describe('an approval with a certificate of our own authority', () => {
  it('is verified with its issuance, its chain and its status at that time', async () => {
    expect(await verify()).toEqual([
      'holds: 1 approval verified. 1 of them with a certificate that was good when it signed.',
    ]);
  });

  it.each<[string, Told]>([
    ['the certificate was issued to another person', { issued: { holder: 'person:carla' } }],
    ['the certificate was issued for something else', { issued: { profile: 'device' } }],
    ['another key issued the certificate', { issued: { authority: 'x', after: { authority: 'another' } } }],
    ['the chain leads to an authority of the same name', { chain: [card, other] }],
    ['the chain is absent', { chain: [card] }],
    ['another key signed', { signedBy: cardOf(authority) }],
    ['the certificate has another purpose', { card: cardOf(authority, {}, '1.3.6.1.5.5.7.3.2') }],
    ['the certificate has another policy', { card: cardOf(authority, {}, approvalUsage, '1.3.9.9') }],
    ['the certificate had expired', { card: cardOf(authority, { notAfter: at - minute }) }],
    ['the certificate was not valid yet', { card: cardOf(authority, { notBefore: at + 10 * minute }) }],
    ['nothing says that it was good', { ocsp: [] }],
    ['it had been revoked', { ocsp: [statusOf(card, authority, at, at - minute)] }],
    ['the statement had ended', { ocsp: [statusOf(card, authority, at - 20 * minute)] }],
    ['the statement is about another certificate', { ocsp: [statusOf(cardOf(authority), authority)] }],
    ['the statement is by the certificate itself', { ocsp: [statusOf(card, card)] }],
    ['the record names another certificate', { record: { certificate: { serial: '01', thumbprint: 'x'.repeat(43) } } }],
    ['the record names no certificate', { unnamed: true }],
  ])('fails when %s', async (_what, told) => {
    const [found = ''] = await verify(told);
    expect(found).toMatch(/^fails approval_signature: /);
  });

  it('fails with the terms of another intent, transaction, person, role or time', async () => {
    for (const claims of [{ intent_digest: 'x' }, { txn: 'txn_other' }, { iss: 'person:carla' }, { role: 'risk' }])
      expect((await verify({ claims }))[0]).toMatch(/^fails approval_terms: /);
    expect((await verify({ claims: { exp: 1 } }))[0]).toMatch(/^fails approval_late: /);
  });
});

describe('an approval with a certificate of another authority', () => {
  const foreign: Told = { issued: null };

  it('is verified if it leads to an authority of the reader, and fails if it leads to none of them', async () => {
    expect(await verify({ ...foreign, authorities: [authority] })).toEqual([
      'holds: 1 approval verified. 1 of them with a certificate that was good when it signed.',
    ]);
    expect((await verify({ ...foreign, authorities: [other] }))[0]).toMatch(/^fails approval_signature: /);
  });

  it('leaves the bundle incomplete if the reader gives no authority', async () => {
    expect((await verify(foreign))[0]).toMatch(/^incomplete approval_unanchored: /);
  });
});
