import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type {
  AuthorityClass,
  CertificateProfileName,
  Decision,
  DecisionInput,
  PrincipalId,
  RecordDraft,
  Requester,
} from '@countersign/contracts';
import { parsePrincipalId } from '@countersign/contracts';
import { digestOf, newId, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import { buildCertificationRequest, encodeDirectoryName } from '@countersign/x509';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import {
  certificateAuthorityMigrations,
  createCertificateAuthority,
  publicKeyInfrastructureRoutes,
  type RunningCertificateAuthority,
} from '../index.ts';
import { createRoot } from './ceremony.ts';

export const operator = '5493001KJTIIGC8Y1R12';
export const firm = '529900BROKEREXAMPL12';
export const issuer = 'http://localhost:7420';

const person = (name: string, institution = operator): Requester => ({
  ...{ id: `person:${name}`, institution },
  through: [],
});
export const olga = person('olga.operator');
export const ari = person('ari.approver');
export const stranger = person('sam.stranger', firm);

export function holder(id: string): PrincipalId {
  const parsed = parsePrincipalId(id);
  if (parsed === undefined) throw new Error('not a principal');
  return parsed;
}

const firstPrincipals: Readonly<Record<string, object>> = {
  'agent:vwap-1': {
    kind: 'agent',
    institution: operator,
    model: { modelId: 'vwap', version: '4.2.0', artifactSha256: '7f'.repeat(32), status: 'Approved' },
  },
  'service:risk': { kind: 'service', institution: operator },
  'service:gateway': { kind: 'service', institution: operator },
  'service:partner': { kind: 'service', institution: firm },
  'person:ari.approver': { kind: 'person', institution: operator, roles: ['approver'] },
};

export interface Key {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
}

export function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicKey: publicKey.export({ format: 'der', type: 'spki' }) };
}

/** A certificate request without names. */
export function requestOf({ privateKey, publicKey }: Key): Promise<Uint8Array> {
  return buildCertificationRequest({
    subject: encodeDirectoryName([['commonName', 'ignored']]),
    publicKey,
    algorithm: 'ES256',
    sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  });
}

const installation = { id: 'service:countersign', institution: operator } as const;

/** An authority on a database of its own, over an in-memory log that the test can make fail. */
export async function createAuthorityWorld() {
  const scratch = await createTestDatabase({ components: [certificateAuthorityMigrations] });
  const clock = fixedClock(Math.floor(Date.now() / 1_000) * 1_000);
  const random = systemRandom;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = createMemoryLog(clock, { anyReferences: true });
  const signer = createMemorySigner();
  const root = await createRoot(clock.now());
  const principals = new Map(Object.entries(firstPrincipals));
  const asked: DecisionInput[] = [];
  const denying = new Map<string, { readonly code: string; readonly detail: string }>();
  let isFatal: ((draft: RecordDraft) => boolean) | undefined;
  const nodes: RunningCertificateAuthority[] = [];

  async function decide(input: DecisionInput): Promise<Decision> {
    // The authority also asks for its own OCSP responder, at any time; tests look at the questions of others.
    if (input.principal !== installation.id) asked.push(input);
    const reason = denying.get(input.principal);
    return {
      id: newId('decision', { clock, random }),
      decision: reason === undefined,
      policyVersion: 1,
      policyHash: digestOf('policies'),
      determining: ['certificate-for-a-holder'],
      errors: [],
      reasons: reason === undefined ? [] : [reason],
      obligations: [],
      entityVersion: 1,
      inputDigest: digestOf('input'),
      inputText: '{}',
      policyRecord: newId('record', { clock, random }),
    };
  }

  function node(changes: Partial<CertificateAuthorityDependencies> = {}): RunningCertificateAuthority {
    const one = createCertificateAuthority({
      pool: scratch.pool('certificate-authority'),
      audit: {
        ...log,
        async append(draft) {
          const appended = await log.append(draft);
          if (isFatal?.(draft) !== true) return appended;
          isFatal = undefined;
          throw new Error('the process died');
        },
      },
      directory: {
        // Holders are the only part of the snapshot that is read.
        snapshot: () =>
          ({
            principal: (id: string) => principals.get(id),
            device: (id: string) => (id === 'device:ws-1' ? { id, institution: operator } : undefined),
          }) as never,
      },
      policyEngine: { decide },
      signer,
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      ...{ issuer, operator, clock, random, logger },
      enrolmentKey: Buffer.alloc(32, 7),
      organization: 'Example Bank AG',
      installation,
      publishBeforeUseMs: 0,
      everyMs: 3_600_000,
      ...changes,
    });
    nodes.push(one);
    return one;
  }

  return {
    ...{ scratch, clock, log, signer, root, asked, denying, principals, node },
    /** Makes the process die after the next record that matches. */
    dieAfter(is: (draft: RecordDraft) => boolean) {
      isFatal = is;
    },
    records: (type: RecordDraft['type']) => log.ofType(type),
    /** Records of certificates that somebody else than the installation asked for. */
    issuedToOthers: () => log.ofType('certificate.issued').filter(({ subject }) => subject?.id !== installation.id),
    /** Holds a ceremony for each class; two people accept the results. */
    async establish(ca: RunningCertificateAuthority, ...classes: readonly AuthorityClass[]) {
      for (const of of classes) {
        const proposal = await ca.proposeAuthority(of, await root.grant(await ca.requestAuthority(of)), 'first', olga);
        await ca.approve(proposal.id, proposal.digest, ari);
      }
    },
    issue: async (
      ca: RunningCertificateAuthority,
      profile: CertificateProfileName,
      of: string,
      key = newKey(),
      by: Requester = olga,
    ) => ca.issue({ profile, holder: holder(of), request: await requestOf(key) }, by),
    async serve(ca: RunningCertificateAuthority) {
      const app = createHttpServer({ logger, metrics: createMetrics() });
      publicKeyInfrastructureRoutes(app, { certificateAuthority: ca, clock });
      await app.ready();
      return app;
    },
    async close() {
      await Promise.all(nodes.map((one) => one.stop()));
      await scratch.drop();
    },
  };
}
export type AuthorityWorld = Awaited<ReturnType<typeof createAuthorityWorld>>;
