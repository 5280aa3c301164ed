import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { sha256Base64Url } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { codeOf, createTestAuthority, makeKey, signJws } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createConfiguredExchange } from '../../../federation-gateway/src/index.ts';
import {
  createWorkloadWorld,
  image,
  issuer,
  newRequest,
  node1,
  termsWith,
  type WorkloadWorld,
} from '../testing/workload-world.ts';
import { pinnedKeys } from './issuer-keys.ts';

// Evidence from outside parties: a cluster behind its API, a CI system, and a verifier of hardware evidence.

const authority = createTestAuthority({ name: 'cluster authority' });
const served = authority.issue({ subject: 'CN=localhost', sans: { dns: ['localhost'], ip: ['127.0.0.1'] } });
const podToken = 'a-projected-token-of-a-pod';
/** The current state of the cluster. */
const cluster = {
  authenticated: true,
  audiences: ['countersign'],
  account: 'system:serviceaccount:trading:risk',
  uid: 'uid-1',
  pod: {
    metadata: { uid: 'uid-1' } as Record<string, string>,
    containers: [{ name: 'risk', imageID: `registry.example/risk@sha256:${image}` }],
  },
  isUp: true,
};
const asked: { readonly path: string; readonly authorization: string | undefined }[] = [];
const server = createServer({ cert: served.certificatePem, key: served.privateKeyPem }, async (request, response) => {
  asked.push({ path: request.url ?? '', authorization: request.headers.authorization });
  const body = request.method === 'POST' ? JSON.parse(await text(request)) : undefined;
  const answer = (status: number, document: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  if (!cluster.isUp) return answer(503, {});
  if (request.headers.authorization !== 'Bearer reviewer') return answer(401, {});
  if (request.url === '/apis/authentication.k8s.io/v1/tokenreviews')
    return answer(201, {
      status: {
        authenticated: cluster.authenticated && body.spec.token === podToken,
        audiences: cluster.audiences,
        user: {
          username: cluster.account,
          extra: {
            'authentication.kubernetes.io/pod-name': ['risk-0'],
            'authentication.kubernetes.io/pod-uid': [cluster.uid],
          },
        },
      },
    });
  return request.url === '/api/v1/namespaces/trading/pods/risk-0'
    ? answer(200, { metadata: cluster.pod.metadata, status: { containerStatuses: cluster.pod.containers } })
    : answer(404, {});
});

const ciKey = makeKey();
const verifierKey = makeKey();
let world: WorkloadWorld;
let requests: ReturnType<typeof createConfiguredExchange>;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  requests = createConfiguredExchange({
    logger: createLogger({ level: 'silent', name: 'test' }),
    authorities: authority.certificatePem,
  });
  const { port } = server.address() as AddressInfo;
  world = await createWorkloadWorld({
    clusters: [
      {
        ...{ name: 'main', apiServer: `https://localhost:${port}`, audience: 'countersign', requests },
        credential: () => 'reviewer',
      },
    ],
    ciIssuers: [{ issuer: 'https://ci.example', keys: pinnedKeys([{ ...ciKey.jwk, kid: ciKey.kid }]) }],
    resultVerifiers: [
      { issuer: 'https://verifier.example', keys: pinnedKeys([{ ...verifierKey.jwk, kid: verifierKey.kid }]) },
    ],
  });
  await world.register(
    'pod',
    termsWith({
      level: 'platform-signed',
      selectors: [
        { name: 'kubernetes-namespace', values: ['trading'] },
        { name: 'kubernetes-service-account', values: ['risk'] },
      ],
    }),
  );
  await world.register(
    'job',
    termsWith({
      selectors: [
        { name: 'ci-repository', values: ['bank/risk'], level: 'platform-signed' },
        { name: 'ci-ref', values: ['refs/heads/main'], level: 'platform-signed' },
        {
          name: 'ci-workflow',
          values: ['bank/risk/.github/workflows/run.yml@refs/heads/main'],
          level: 'platform-signed',
        },
      ],
    }),
  );
  await world.register(
    'enclave',
    termsWith({ selectors: [{ name: 'platform-status', values: ['affirming'], level: 'hardware-rooted' }] }),
  );
});
afterAll(async () => {
  await requests.stop();
  server.close();
  await world.scratch.drop();
});

describe('a pod', () => {
  const evidence = (changes: object = {}) => [
    { kind: 'kubernetes', environment: 'test', cluster: 'main', token: podToken, ...changes },
  ];
  const attest = (changes: object = {}) => world.attest('pod', evidence(changes));

  it('is attested by its cluster: account, namespace and the running image', async () => {
    expect(await attest()).toMatchObject({ level: 'platform-signed', image });
    expect(world.log.ofType('workload.attested').at(-1)).toMatchObject({
      data: {
        facts: expect.arrayContaining([
          { name: 'image', value: image, level: 'platform-signed', evidence: 'kubernetes' },
        ]),
      },
    });
    expect(asked.every(({ authorization }) => authorization === 'Bearer reviewer')).toBe(true);
    expect(JSON.stringify(world.log.ofType('workload.attested'))).not.toContain(podToken);
  });

  it('is refused with another image, and the refusal names both', async () => {
    cluster.pod.containers = [{ name: 'risk', imageID: `registry.example/risk@sha256:${'cd'.repeat(32)}` }];
    expect(await codeOf(attest())).toBe('workload_image_differs');
    expect(world.refusals().at(-1)).toMatchObject({ data: { expected: [image], found: 'cd'.repeat(32) } });
    cluster.pod.containers = [{ name: 'risk', imageID: `registry.example/risk@sha256:${image}` }];
  });

  it('is refused at the next review once it has been deleted', async () => {
    await attest();
    cluster.authenticated = false;
    expect(await codeOf(attest())).toBe('workload_evidence_refused');
    cluster.authenticated = true;
    cluster.pod.metadata = { uid: 'uid-1', deletionTimestamp: '2026-11-25T00:00:00Z' };
    expect(await codeOf(attest())).toBe('workload_evidence_refused');
    // Another pod has its name.
    cluster.pod.metadata = { uid: 'uid-2' };
    expect(await codeOf(attest())).toBe('workload_evidence_refused');
    cluster.pod.metadata = { uid: 'uid-1' };
  });

  it('is refused with a token for another audience, of another account, or of an unknown cluster', async () => {
    cluster.audiences = ['https://kubernetes.default.svc'];
    expect(await codeOf(attest())).toBe('workload_evidence_refused');
    cluster.audiences = ['countersign'];
    cluster.account = 'system:serviceaccount:other:risk';
    expect(await codeOf(attest())).toBe('workload_verifier_unavailable');
    cluster.account = 'system:serviceaccount:../secrets:risk';
    expect(await codeOf(attest())).toBe('workload_evidence_refused');
    cluster.account = 'system:serviceaccount:trading:risk';
    expect(await codeOf(attest({ cluster: 'other' }))).toBe('workload_evidence_refused');
    expect(await codeOf(attest({ token: 'a token of somebody else' }))).toBe('workload_evidence_refused');
  });

  it('must name its container when it has sidecars', async () => {
    cluster.pod.containers.push({ name: 'proxy', imageID: `proxy@sha256:${'ef'.repeat(32)}` });
    expect(await codeOf(attest())).toBe('workload_evidence_refused');
    expect(await attest({ container: 'risk' })).toMatchObject({ image });
    cluster.pod.containers.pop();
  });

  it('is refused as unavailable while its cluster does not answer', async () => {
    cluster.isUp = false;
    expect(await codeOf(attest())).toBe('workload_verifier_unavailable');
    cluster.isUp = true;
  });
});

describe('a CI job', () => {
  const now = () => Math.floor(world.clock.now() / 1_000);
  const tokenOf = (claims: object = {}, key = ciKey, header: object = {}) =>
    signJws(
      key,
      { alg: 'ES256', typ: 'JWT', kid: ciKey.kid, ...header },
      {
        ...{ iss: 'https://ci.example', aud: `${issuer}/workloads`, iat: now(), exp: now() + 300 },
        ...{ repository: 'bank/risk', ref: 'refs/heads/main' },
        workflow_ref: 'bank/risk/.github/workflows/run.yml@refs/heads/main',
        ...claims,
      },
    );
  const attest = (token: string) =>
    world.attest('job', [
      { kind: 'launcher', environment: 'test', image },
      { kind: 'ci-token', environment: 'test', token },
    ]);

  it('is attested by the token of its CI system', async () => {
    expect(await attest(tokenOf())).toMatchObject({ level: 'kernel-observed' });
    const gitlab = tokenOf({ repository: undefined, project_path: 'bank/risk', ref: 'main', ref_type: 'branch' });
    await attest(gitlab);
  });

  it.each([
    ['a ref that begins like the registered one', { ref: 'refs/heads/main-evil' }, 'workload_fact_differs'],
    [
      'a workflow whose ref begins like the registered one',
      { workflow_ref: 'bank/risk/.github/workflows/run.yml@refs/heads/main-evil' },
      'workload_fact_differs',
    ],
    ['a repository of another owner', { repository: 'evil/bank/risk' }, 'workload_fact_differs'],
    ['a tag of the same name', { ref: 'main', ref_type: 'tag' }, 'workload_fact_differs'],
    ['no repository', { repository: undefined }, 'workload_evidence_missing'],
    ['another audience', { aud: 'https://elsewhere.example' }, 'workload_evidence_refused'],
    ['an issuer that begins like the trusted one', { iss: 'https://ci.example.evil' }, 'workload_evidence_refused'],
    ['an end in the past', { exp: 1 }, 'workload_evidence_refused'],
    ['an old issue', { iat: 1 }, 'workload_evidence_refused'],
  ])('is refused with %s', async (_, claims, code) => {
    expect(await codeOf(attest(tokenOf(claims)))).toBe(code);
  });

  it('is refused with a token that another key signed, or without a signature', async () => {
    expect(await codeOf(attest(tokenOf({}, makeKey())))).toBe('workload_evidence_refused');
    expect(await codeOf(attest(tokenOf({}, ciKey, { alg: 'none' })))).toBe('workload_evidence_refused');
    expect(await codeOf(attest('not a token at all'))).toBe('workload_evidence_refused');
  });
});

describe('an attestation result', () => {
  const resultFor = (key: string, claims: object = {}, by = verifierKey) =>
    signJws(
      by,
      { alg: 'ES256', typ: 'JWT', kid: verifierKey.kid },
      {
        ...{ iss: 'https://verifier.example', iat: Math.floor(world.clock.now() / 1_000), eat_nonce: key },
        submods: { SEV_SNP: { 'ear.status': 'affirming' } },
        ...claims,
      },
    );
  const attest = async (claims: object = {}, by = verifierKey) => {
    const { spki, request } = await newRequest();
    const token = resultFor(sha256Base64Url(spki), claims, by);
    const launched = { kind: 'launcher', environment: 'test', image };
    return world.workloads.issue(
      { entry: 'enclave', evidence: [launched, { kind: 'attestation-result', token }], request },
      node1,
    );
  };

  it('is accepted for the key in its nonce', async () => {
    expect(await attest()).toMatchObject({ level: 'kernel-observed' });
    await attest({ submods: { TDX: { 'ear.status': 2 } } });
  });

  it.each([
    ['the key of another request', { eat_nonce: 'A'.repeat(43) }],
    ['no nonce', { eat_nonce: undefined }],
    ['a warning', { submods: { SEV_SNP: { 'ear.status': 'warning' } } }],
    ['one part that is contraindicated', { submods: { a: { 'ear.status': 2 }, b: { 'ear.status': 96 } } }],
    ['no part', { submods: {} }],
    ['a verifier that is not trusted', { iss: 'https://other.example' }],
    ['an old appraisal', { iat: 1 }],
  ])('is refused with %s', async (_, claims) => {
    expect(await codeOf(attest(claims))).toBe('workload_evidence_refused');
  });

  it('is refused when another key signed it, and for a JWT-SVID, which has no key', async () => {
    expect(await codeOf(attest({}, makeKey()))).toBe('workload_evidence_refused');
    const token = resultFor('A'.repeat(43));
    const evidence = [
      { kind: 'launcher', environment: 'test', image },
      { kind: 'attestation-result', token },
    ];
    expect(await codeOf(world.workloads.issueToken({ entry: 'enclave', evidence, audiences: [issuer] }, node1))).toBe(
      'workload_evidence_refused',
    );
  });
});
