import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { certificateAuthorityMigrations, createCertificateAuthority } from '@countersign/certificate-authority';
import { type Decision, type DirectorySnapshot, parsePrincipalId } from '@countersign/contracts';
import { digestOf, newId, sha256Base64Url, systemClock, systemRandom } from '@countersign/kernel';
import { createScratchDatabase } from '@countersign/runtime';
import { createMemorySigner, everybodyIndependent, everyProposerActive } from '@countersign/testkit';
import { createWorkloadIdentity, workloadIdentityMigrations } from '@countersign/workload-identity';
import {
  buildCertificationRequest,
  buildIssuingCertificate,
  buildRootCertificate,
  encodeDirectoryName,
  encodeStatusRequest,
  readCertificationRequest,
  readX509Certificate,
} from '@countersign/x509';
import { repeated } from '../in-process-work.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { about } from '../starter.ts';
import { cpu, latency, rate, section } from '../table.ts';
import type { InProcessOptions } from './suite.ts';

const operator = '5493001KJTIIGC8Y1R12';
const issuer = 'https://benchmark.countersign.invalid';
const image = 'ab'.repeat(32);
const entries = 100;
const callers = 64;

export interface SvidResults {
  readonly svids: readonly Result[];
  /** OCSP answers about a certificate, each signed anew. */
  readonly statuses: readonly Result[];
  /** All workloads renew at once; seconds. */
  readonly rotation: { readonly workloads: number; readonly seconds: number };
}

/**
 * X.509-SVIDs with attestation and issue, both recorded in a real log, and the certificate stored and signed with a key in software. The
 * decision of the policies is not part of it: `decisions` measures it.
 */
export async function measureSvids(options: InProcessOptions): Promise<SvidResults> {
  const { pace, onProgress } = options;
  const site = await openSite(options);
  const { rounds, seconds, rotation: workloads } = pace.svids;
  onProgress(`svids: ${workloads} certificate requests`);
  const requests = await Promise.all(Array.from({ length: workloads }, newRequest));
  const queue = requests.entries();
  const started = performance.now();
  const worker = async (): Promise<void> => {
    for (const [index, request] of queue) await site.issue(index % entries, request);
  };
  await Promise.all(Array.from({ length: callers }, worker));
  const rotation = { workloads, seconds: (performance.now() - started) / 1_000 };

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const octets = randomBytes(800);
  let next = 0;
  const common = { callers, warmUpSeconds: pace.warmUpSeconds };
  const svids = await measureInTurn(
    [
      repeated({
        ...common,
        name: 'a workload: attested, recorded, certified, recorded, signed',
        async work() {
          next += 1;
          await site.issue(next % entries, requests[next % requests.length] ?? new Uint8Array());
        },
      }),
      repeated({ ...common, name: 'the signature alone', work: async () => sign('sha256', octets, privateKey) }),
    ],
    { rounds, seconds },
    about('svids', onProgress),
  );
  const statuses = await measureInTurn(
    [
      repeated({ ...common, name: 'an OCSP answer: looked up in the log, signed', work: () => site.askStatus() }),
      repeated({ ...common, name: 'the signature alone', work: async () => sign('sha256', octets, privateKey) }),
    ],
    { rounds, seconds },
    about('OCSP', onProgress),
  );
  return { svids, statuses, rotation };
}

async function newRequest(): Promise<Uint8Array> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return buildCertificationRequest({
    subject: encodeDirectoryName([['commonName', 'measured']]),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    algorithm: 'ES256',
    sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  });
}

async function openSite({ inProcess, started }: InProcessOptions) {
  const components = [certificateAuthorityMigrations, workloadIdentityMigrations];
  const scratch = await createScratchDatabase({ server: inProcess.scratch.connection, components });
  await started({ stop: () => scratch.drop() });
  const from = { clock: systemClock, random: systemRandom };
  const decision: Decision = {
    id: newId('decision', from),
    decision: true,
    policyVersion: 1,
    policyHash: digestOf('policies'),
    determining: ['certificate-for-a-holder'],
    ...{ errors: [], reasons: [], obligations: [], entityVersion: 1 },
    inputDigest: digestOf({}),
    inputText: '{}',
    policyRecord: newId('record', from),
  };
  const snapshot: Pick<DirectorySnapshot, 'principal' | 'client' | 'institution' | 'device'> = {
    // Of a principal, its kind and institution are read; of an institution, its standing.
    principal: (id) => ({ kind: 'service', id, institution: operator, roles: [] }) as never,
    institution: () => ({ leiStatus: 'ISSUED' }) as never,
    client: () => undefined,
    device: () => undefined,
  };
  const shared = {
    audit: inProcess.auditLog,
    // The parts of the snapshot that both components read.
    directory: { snapshot: () => snapshot as DirectorySnapshot },
    signer: createMemorySigner(),
    proposerStanding: everyProposerActive,
    independence: everybodyIndependent,
    ...{ issuer, operator, ...from, logger: inProcess.logger },
  };
  const certificateAuthority = await started(
    createCertificateAuthority({
      ...shared,
      pool: scratch.pool('certificate-authority', { maxConnections: 16 }),
      policyEngine: { decide: async () => decision },
      organization: 'Benchmark',
      installation: { id: 'service:countersign', institution: operator },
      publishBeforeUseMs: 0,
      enrolmentKey: randomBytes(32),
      // By hand, so that nothing else runs while it is measured.
      everyMs: 3_600_000,
    }),
  );
  const person = (name: string) => ({ id: `person:${name}`, institution: operator, through: [] });
  const [one, other] = [person('olga.operator'), person('ari.approver')];
  const request = await certificateAuthority.requestAuthority('workload');
  const proposal = await certificateAuthority.proposeAuthority(
    'workload',
    await holdCeremony(request),
    'measured',
    one,
  );
  await certificateAuthority.approve(proposal.id, proposal.digest, other);

  const workloads = createWorkloadIdentity({
    ...shared,
    pool: scratch.pool('workload-identity', { maxConnections: 2 }),
    certificateAuthority,
  });
  for (let index = 0; index < entries; index += 1) {
    const terms = {
      ...{ holder: `service:s${index}`, profile: 'risk-service', level: 'kernel-observed', environment: 'test' },
      ...{ attesters: ['service:node'], images: [image], selectors: [], dns_names: [], audiences: [] },
    };
    const { id, digest } = await workloads.propose(`s${index}`, terms, 'measured', one);
    await workloads.approve(id, digest, other);
  }
  const holder = parsePrincipalId('service:s0');
  if (holder === undefined) throw new Error('the benchmark names no principal');
  const known = await certificateAuthority.issue({ holder, profile: 'risk-service', request: await newRequest() }, one);
  const [issuing = new Uint8Array()] = known.chain;
  const question = encodeStatusRequest(readX509Certificate(known.certificate), readX509Certificate(issuing));
  const attester = { id: 'service:node', institution: operator, through: [], client: 'node' };
  const evidence = [{ kind: 'launcher', environment: 'test', image }];
  const entryOf = new Map<Uint8Array, number>();
  return {
    askStatus: () => certificateAuthority.responder.answer(question),
    async issue(index: number, of: Uint8Array): Promise<void> {
      // A key is certified for one holder for good.
      const entry = entryOf.get(of) ?? index;
      entryOf.set(of, entry);
      await workloads.issue({ entry: `s${entry}`, evidence, request: of }, attester);
    },
  };
}

/** A root that exists for the time of the benchmark. */
async function holdCeremony(
  request: Awaited<ReturnType<ReturnType<typeof createCertificateAuthority>['requestAuthority']>>,
) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const now = systemClock.now();
  const signing = () => ({
    algorithm: 'ES384' as const,
    sign: async (octets: Uint8Array) => sign('sha384', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    serial: BigInt(`0x40${randomBytes(15).toString('hex')}`),
    notBefore: now - 60_000,
    notAfter: now + 86_400_000,
  });
  const root = await buildRootCertificate({
    ...signing(),
    subject: encodeDirectoryName([['commonName', 'Benchmark root']]),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
  });
  const certificate = await buildIssuingCertificate({
    ...signing(),
    root: readX509Certificate(root),
    request: readCertificationRequest(request.request),
    limits: request,
  });
  const transcript = sha256Base64Url(new TextEncoder().encode('transcript'));
  return { id: request.id, certificate, root, transcript };
}

export function svidSections({ svids, statuses, rotation }: SvidResults, _pace: Pace): readonly string[] {
  const { workloads, seconds } = rotation;
  return [
    section(`X.509-SVIDs, ${callers} callers`, svids, [rate('SVIDs/s'), ...latency, ...cpu('process CPU µs')]),
    section(`OCSP, ${callers} callers`, statuses, [rate('answers/s'), ...latency, ...cpu('process CPU µs')]),
    `${workloads} workloads renew at once\n  after ${seconds.toFixed(1)} s (${Math.round(workloads / seconds)}/s)`,
  ];
}
