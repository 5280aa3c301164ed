import { generateSigningKey } from '@countersign/sdk';
import { createClient, type SigningKey } from '@countersign/sdk/calling';
import { createRoot, signAuthority } from '../../../apps/cli/src/commands/pki/ceremony.ts';
import type { AuthorityRequestFile } from '../../../apps/cli/src/commands/pki/ceremony-files.ts';
import type { Operator } from './control-plane.ts';
import { scratchFolder } from './scratch-folder.ts';

const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

/** Holds the ceremony of the workload authority, with its two people. @returns the certificates in PEM */
export async function establishWorkloadAuthority(operator: Operator): Promise<{ readonly root: string }> {
  const call = (path: string, body?: unknown) => operator.call('certificates', 'authority:propose', post(path, body));
  const request = (await call('/certificates/authorities/workload/request')) as AuthorityRequestFile;
  const offline = scratchFolder();
  const of = { folder: offline.path, persons: ['Olga Operator', 'Ari Approver'], now: Date.now() };
  const passphrase = 'correct horse battery staple';
  await createRoot({ ...of, organization: 'Example Bank AG', years: 10, passphrase });
  const { certificate, root, transcript } = await signAuthority({ ...of, request, years: 3, passphrase });
  offline.remove();
  const body = { certificate, root, transcript, reason: 'The authority for workloads' };
  const { id, digest } = (await call('/certificates/authorities/workload/proposals', body)) as Proposed;
  await operator.second.call(
    'certificates',
    'authority:approve',
    post(`/certificates/proposals/${id}/approve`, { digest }),
  );
  return { root };
}

interface Proposed {
  readonly id: string;
  readonly digest: string;
}

/** Registers a workload by two people. */
export async function registerWorkload(operator: Operator, entry: string, terms: object): Promise<void> {
  const body = { entry, terms, reason: 'A test' };
  const { id, digest } = (await operator.call(
    'workloads',
    'workload:propose',
    post('/workloads/proposals', body),
  )) as Proposed;
  await operator.second.call('workloads', 'workload:approve', post(`/workloads/proposals/${id}/approve`, { digest }));
}

/** The terms of an entry, with the members that rarely matter. */
export const workloadTerms = (of: {
  readonly holder: string;
  readonly profile: string;
  readonly images: readonly string[];
  readonly [member: string]: unknown;
}): object => ({
  level: 'kernel-observed',
  attesters: ['service:node-1'],
  environment: 'test',
  selectors: [],
  dns_names: [],
  audiences: [],
  ...of,
});

/** A machine whose agent may present workloads: its service and client for a directory file, and the calling client. */
export function createAttester(issuer: string, lei: string, name = 'node-1') {
  const key: SigningKey & { readonly publicJwk: object } = generateSigningKey();
  return {
    client: createClient({ issuer, clientId: name, key }),
    key,
    service: { id: `service:${name}`, institution: lei, roles: [] },
    registration: {
      ...{ id: name, institution: lei, principal: `service:${name}`, grant_types: ['client_credentials'] },
      environment: 'sandbox',
      scopes: ['workload:attest'],
      audiences: [`${issuer}/workloads`],
      jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
    },
  };
}

/** An algorithm of an institution, certified by somebody other than its developer. */
export const certifiedAgent = (lei: string, id: string, people: readonly [string, string], model: object = {}) => ({
  ...{ id: `agent:${id}`, institution: lei, desk: 'algos', roles: ['algo'] },
  model: {
    model_id: id,
    version: '1.0.0',
    artifact_sha256: 'ab'.repeat(32),
    certificate_id: `cert-${id}`,
    status: 'Approved',
    certified_by: people[0],
    developed_by: people[1],
    ...model,
  },
});
