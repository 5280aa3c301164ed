import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Digest, digestOf, type Json, newId, type RecordId, sha256Base64Url } from '@countersign/kernel';
import { importVerificationKey } from '@countersign/oauth';
import type { WebAuthnSignature } from '@countersign/webauthn';
import {
  type CeremonyBehaviour,
  createSoftwareAuthenticator,
  type SoftwareAlgorithm,
  type SoftwareAuthenticator,
} from '@countersign/webauthn/software-authenticator';
import { approvalStatementType, approvalType } from '../index.ts';
import { type Draft, PaperLog } from './paper-log.ts';

let drawn = 0;
/** Ids that differ and need no randomness. */
const idSource = {
  clock: { now: () => 1_800_000_000_000 },
  random: {
    bytes(size: number) {
      const bytes = Buffer.alloc(size);
      bytes.writeUInt32BE(++drawn, size - 4);
      return bytes;
    },
  },
};

type Members = Readonly<Record<string, Json>>;

/** What a test may change before the story is written down; each hook gets what would be written. */
export interface Plot {
  /** By record name (`submitted`, `exchanged`, ...). Answer undefined to leave the record out. */
  readonly rewrite?: (name: string, draft: Draft) => Draft | undefined;
  readonly mandate?: (version: number, mandate: Members) => Members;
  readonly approval?: (terms: Members) => Members;
  readonly approver?: { readonly signsWith?: KeyObject; readonly kid?: string };
  /** The approver signs with an authenticator instead of a key of the directory. */
  readonly authenticator?: {
    readonly key: SoftwareAuthenticator;
    readonly behaviour?: CeremonyBehaviour;
    /** What the record holds instead of what was signed. */
    readonly record?: (signature: WebAuthnSignature) => WebAuthnSignature;
  };
  /** Writes further records before the named one. */
  readonly before?: (name: string, log: PaperLog, ids: Record<string, RecordId>) => void;
}

/** Constraints of the story's mandate; a test cuts narrower and wider ones from it. */
export const constraints = {
  actions: ['order:create'],
  productClasses: ['D'],
  venues: ['XPAR', 'XLON'],
  jurisdictions: ['FR'],
  notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
  notionalPerDay: { amount: '5000000', ccy: 'EUR' },
  delegationDepth: 1,
} as const;

const partOf = (part: string, content: Json) => ({
  part,
  digest: typeof content === 'string' ? sha256Base64Url(content) : digestOf(content),
  content,
});
/** A bundle as its activation records it, one part by its digest alone. */
const policyParts = [
  partOf('schema.cedarschema', 'namespace Trading {}'),
  partOf('orders.cedar', '@id("p1") permit(principal, action, resource);'),
  { part: 'entities.json', digest: digestOf([]) },
  partOf('limits.json', { limits: [], rates: {} }),
];
const policyHash = digestOf({ v: 1, parts: policyParts.map(({ part, digest }) => ({ part, digest })) });

export const approverKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** An authenticator with a credential for the service of the stories. */
export function newAuthenticator(algorithm: SoftwareAlgorithm = 'ES256'): SoftwareAuthenticator {
  const key = createSoftwareAuthenticator({ origin: 'https://id.example.com', algorithm });
  key.create({ challenge: 'AA', rp: { id: 'id.example.com' }, user: { id: 'AA' } });
  return key;
}

/** An order from mandate to settlement, as the components of the house record it. */
export function tellOrder(plot: Plot = {}) {
  const log = new PaperLog();
  const transaction = newId('transaction', idSource);
  const mandateId = newId('mandate', idSource);
  const ids: Record<string, RecordId> = {};
  const intent = {
    type: 'order',
    side: 'buy',
    isin: 'DE0001102580',
    quantity: '1000',
    notional: { amount: '1000000', ccy: 'EUR' },
  };
  const intentDigest = digestOf(intent);
  const jwk = JSON.parse(JSON.stringify(approverKeys.publicKey.export({ format: 'jwk' }))) as Members;
  const kid = importVerificationKey(jwk).thumbprint;

  const tell = (name: string, make: (id: RecordId) => Omit<Draft, 'id'>): void => {
    plot.before?.(name, log, ids);
    const id = newId('record', idSource);
    ids[name] = id;
    const draft: Draft = { id, ...make(id) };
    const told = plot.rewrite === undefined ? draft : plot.rewrite(name, draft);
    if (told !== undefined) log.add(told);
  };
  const from = (...names: readonly string[]): readonly string[] => names.map((name) => ids[name] ?? '');

  let previousDigest: Digest | undefined;
  const mandateVersion = (version: number, status: string) => (recordId: RecordId) => {
    const plain: Members = {
      id: mandateId,
      version,
      kind: 'mandate',
      status,
      constraints,
      effectiveFrom: '2026-01-01T00:00:00.000Z',
      effectiveUntil: '2027-01-01T00:00:00.000Z',
      recordedAt: log.nextTime(),
      recordId,
      ...(previousDigest === undefined ? {} : { previousDigest }),
    };
    const digest = digestOf(plain);
    previousDigest = digest;
    const mandate = { ...plain, digest };
    return {
      type: `mandate.${status === 'active' ? 'accepted' : status}`,
      data: { mandate: plot.mandate?.(version, mandate) ?? mandate },
    };
  };
  const own = { transaction, intent: intentDigest, mandate: { id: mandateId, version: 2 } };
  const claims = {
    sub: 'person:anna',
    exp: Date.parse('2026-11-21T09:35:00Z') / 1000,
    txn: transaction,
    intent_digest: intentDigest,
    mandate: own.mandate,
  };
  const transition =
    (event: string, fromState: string, to: string, version: number, ...references: readonly string[]) =>
    () => ({
      type: 'transaction.transitioned',
      ...own,
      references: from(...references),
      data: { event, from: fromState, to, version, body_digest: intentDigest, body: {} },
    });

  tell('directory', () => ({
    type: 'directory.applied',
    data: { version: 1, changes: [], credentials: [{ kid, principal: 'person:boris' }], file_digest: intentDigest },
  }));
  tell('policy', () => ({ type: 'policy.published', data: { version: 1, hash: policyHash, parts: policyParts } }));
  tell('proposed', mandateVersion(1, 'proposed'));
  tell('accepted', mandateVersion(2, 'active'));
  tell('opened', () => ({
    type: 'transaction.opened',
    ...own,
    subject: { id: 'person:anna' },
    actors: [{ id: 'service:oms' }],
    references: from('accepted'),
    data: { intent, intent_type: 'order', idempotency_key: 'k1' },
  }));
  tell('issued', (id) => ({
    type: 'token.issued',
    ...own,
    outcome: 'permit',
    subject: { id: 'person:anna' },
    references: from('opened'),
    data: {
      claims: {
        ...claims,
        jti: newId('token', idSource),
        scope: 'order:create order:clear',
        act: { sub: 'service:oms' },
        evidence: id,
      },
    },
  }));
  const signed =
    plot.authenticator === undefined
      ? { data: { jws: signApproval(transaction, intentDigest, kid, plot), key: jwk }, references: ['directory'] }
      : { ...signByAuthenticator(transaction, intentDigest, plot, plot.authenticator), references: ['registered'] };
  if ('registration' in signed)
    tell('registered', () => ({
      type: 'authenticator.registered',
      subject: { id: 'person:boris' },
      references: from('directory'),
      data: signed.registration,
    }));
  tell('approved', () => ({
    type: 'approval.given',
    ...own,
    subject: { id: 'person:boris' },
    references: from(...signed.references, 'opened'),
    data: {
      approval_id: newId('approval', idSource),
      ...signed.data,
      role: 'supervisor',
      expires_at: '2026-11-21T10:00:00.000Z',
    },
  }));
  tell('decided', () => ({
    type: 'decision.made',
    ...own,
    outcome: 'permit',
    policy: { version: 1, hash: policyHash },
    references: from('policy', 'approved'),
    data: { decision: true, action: 'order:create', determining: ['p1'] },
  }));
  tell('submitted', transition('submit', 'intended', 'submitted', 1, 'decided'));
  tell('executed', transition('execute', 'submitted', 'executed', 2, 'submitted'));
  tell('exchanged', (id) => {
    const subject = log.leaves
      .map((leaf) => JSON.parse(leaf.toString()) as { type: string; data: { claims: { jti: string } } })
      .find(({ type }) => type === 'token.issued');
    return {
      type: 'token.exchanged',
      ...own,
      outcome: 'permit',
      references: from('issued'),
      data: {
        claims: {
          ...claims,
          jti: newId('token', idSource),
          scope: 'order:clear',
          act: { sub: 'service:broker', act: { sub: 'service:oms' } },
          evidence: id,
        },
        subject_token: { jti: subject?.data.claims.jti ?? '', record: ids.issued ?? '' },
      },
    };
  });
  tell('cleared', transition('clear', 'executed', 'cleared', 3, 'exchanged'));
  tell('settled', transition('settle', 'cleared', 'settled', 4, 'cleared'));
  const manifest = newId('record', idSource);
  return {
    log,
    transaction,
    ids,
    manifest,
    mandateId,
    bundle: (options?: Parameters<PaperLog['bundle']>[2]) => log.bundle(transaction, manifest, options),
  };
}

const approvalTerms = (txn: string, digest: string): Members => ({
  txn,
  intent_digest: digest,
  decision: 'approve',
  iat: Date.parse('2026-11-21T09:30:00Z') / 1000,
  exp: Date.parse('2026-11-21T10:00:00Z') / 1000,
});

function signByAuthenticator(
  txn: string,
  digest: string,
  plot: Plot,
  { key, behaviour, record }: NonNullable<Plot['authenticator']>,
) {
  const terms = { typ: approvalStatementType, iss: 'person:boris', jti: 'j1', ...approvalTerms(txn, digest) };
  const claims = plot.approval?.(terms) ?? terms;
  // What a test leaves out or changes is signed as it stands.
  const { signature, jwk } = key.sign(claims as typeof terms & { iat: number; exp: number }, behaviour);
  return {
    registration: {
      kid: importVerificationKey(jwk).thumbprint,
      jwk,
      credential_id: signature.credential_id,
      rp_id: 'id.example.com',
      backup_eligible: false,
    },
    data: { statement: { claims, signature: { ...(record?.(signature) ?? signature) } }, key: jwk },
  };
}

function signApproval(txn: string, digest: string, kid: string, plot: Plot): string {
  const terms = approvalTerms(txn, digest);
  const header = { alg: 'ES256', typ: approvalType, kid: plot.approver?.kid ?? kid };
  const input = [header, plot.approval?.(terms) ?? terms]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(input), {
    key: plot.approver?.signsWith ?? approverKeys.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}
