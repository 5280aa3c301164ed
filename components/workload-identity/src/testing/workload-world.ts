import { generateKeyPairSync, sign } from 'node:crypto';
import type { CertificateOrder, ReleasedCertificate, Requester } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import { buildCertificationRequest, encodeDirectoryName } from '@countersign/x509';
import { createWorkloadIdentity, type Verifiers, workloadIdentityMigrations } from '../index.ts';

export const operator = '5493001KJTIIGC8Y1R12';
export const issuer = 'https://countersign.example';
export const image = 'ab'.repeat(32);
export const configuration = 'c0'.repeat(32);

export const olga: Requester = { id: 'person:olga.operator', institution: operator, through: [] };
export const ari: Requester = { id: 'person:ari.approver', institution: operator, through: [] };
export const node1 = { id: 'service:node-1', institution: operator, through: [], client: 'node-1' };

/** A certificate request, with the digest of its key. */
export async function newRequest() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return {
    spki,
    request: await buildCertificationRequest({
      subject: encodeDirectoryName([['commonName', 'ignored']]),
      publicKey: spki,
      algorithm: 'ES256',
      sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    }),
  };
}

export const termsWith = (changes: object = {}) => ({
  ...{ holder: 'service:risk', profile: 'risk-service', level: 'kernel-observed', attesters: ['service:node-1'] },
  ...{ environment: 'test', images: [image], selectors: [], dns_names: [], audiences: [issuer] },
  ...changes,
});

export const launcher = (changes: object = {}) => ({ kind: 'launcher', environment: 'test', image, ...changes });

/** Registered workloads over an in-memory log that the test can make fail. Orders for certificates are collected. */
export async function createWorkloadWorld(verifiers?: Verifiers) {
  const scratch = await createTestDatabase({ components: [workloadIdentityMigrations] });
  const clock = fixedClock(Math.floor(Date.now() / 1_000) * 1_000);
  const log = createMemoryLog(clock, { anyReferences: true });
  const orders: CertificateOrder[] = [];
  const principals = new Map<string, object>([
    ['service:risk', { kind: 'service', institution: operator }],
    ['agent:vwap-1', { kind: 'agent', institution: operator }],
  ]);
  const environments = new Map([['node-1', 'sandbox']]);
  const node = () =>
    createWorkloadIdentity({
      pool: scratch.pool('workload-identity'),
      audit: log,
      directory: {
        // Holders, clients and institutions are the only parts of the snapshot that are read.
        snapshot: () =>
          ({
            principal: (id: string) => principals.get(id),
            client: (id: string) => ({ environment: environments.get(id) }),
            institution: () => ({ leiStatus: 'ISSUED' }),
          }) as never,
      },
      certificateAuthority: {
        async issue(order) {
          orders.push(order);
          // The component passes the certificate on unchanged.
          return {
            certificate: new Uint8Array([1]),
            chain: [],
            notAfter: '2026-12-01T00:00:00Z',
            serial: '00',
          } as unknown as ReleasedCertificate;
        },
        authorities: async () => [],
      },
      signer: createMemorySigner(),
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      ...{ issuer, operator, clock, random: systemRandom },
      logger: createLogger({ level: 'silent', name: 'test' }),
      ...(verifiers === undefined ? {} : { verifiers }),
    });
  const workloads = node();
  return {
    ...{ scratch, clock, log, orders, principals, environments, workloads, node },
    async register(entry: string, terms: object) {
      const { id, digest } = await workloads.propose(entry, terms, 'a test', olga);
      await workloads.approve(id, digest, ari);
    },
    attest: async (entry: string, evidence: readonly unknown[], by = node1) =>
      workloads.issue({ entry, evidence, request: (await newRequest()).request }, by),
    refusals: () => log.ofType('workload.refused'),
  };
}
export type WorkloadWorld = Awaited<ReturnType<typeof createWorkloadWorld>>;
