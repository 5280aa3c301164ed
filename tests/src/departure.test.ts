import { sign } from 'node:crypto';
import { systemClock } from '@countersign/kernel';
import { createClient, generateSigningKey } from '@countersign/sdk';
import { readConfiguration } from '@countersign/server';
import { createAttesterDoor } from '@countersign/workload-agent';
import { assembleCertificate, decodePem, encodePem, readX509Certificate } from '@countersign/x509';
import {
  contextConstructed,
  derElement,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  tags,
} from '@countersign/x509/der';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  createAcmeClient,
  newClientKey,
  requestFor,
} from '../../components/certificate-authority/src/acme/testing/acme-client.ts';
import { acceptAuthority } from './testing/accept-authority.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { proofOf } from './testing/credentials.ts';
import { createCertificates, withMutualTls } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { leasedDatabase } from './testing/use-secrets.ts';
import { send } from './testing/wire.ts';
import { createAttester, registerWorkload, workloadTerms } from './testing/workload-world.ts';

// Everything that a service can hold, and the one departure that ends all of it.

const folder = scratchFolder();
const certificates = createCertificates();
const pricing = 'service:pricing';
const image = 'ab'.repeat(32);
const evidence = [{ kind: 'launcher', environment: 'test', image }];
const key = generateSigningKey();
const proofKey = generateSigningKey();
let controlPlane: RunningControlPlane;
let mutualTls: string;
let leased: Awaited<ReturnType<typeof leasedDatabase>>;
let attester: ReturnType<typeof createAttester>;

const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

beforeAll(async () => {
  leased = await leasedDatabase(folder.path);
  const plain = await configurationIn(folder.path);
  const configuration = await withMutualTls(readConfiguration({ ...plain, secrets: leased.settings }), certificates);
  mutualTls = configuration.mutualTls?.baseUrl ?? '';
  controlPlane = await runControlPlane(configuration);
  const { operator, issuer } = controlPlane;
  const { lei } = configuration.operator;
  attester = createAttester(issuer, lei);
  await operator.apply({
    services: [attester.service, { id: pricing, institution: lei, roles: [] }],
    clients: [
      attester.registration,
      {
        ...{ id: 'pricing', institution: lei, principal: pricing, grant_types: ['client_credentials'] },
        ...{ environment: 'sandbox', scopes: ['secret:use', 'certificate:issue'] },
        audiences: [`${issuer}/secrets`, `${issuer}/certificates`],
        jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
      },
    ],
  });
  await acceptAuthority(controlPlane, 'workload');
});
afterAll(async () => {
  await controlPlane?.stop();
  await leased?.drop();
  folder.remove();
});

const ownClient = () => createClient({ issuer: controlPlane.issuer, clientId: 'pricing', key, proofKey });

/** A credential of the leased database, for the client of the service. */
async function lease(): Promise<{ readonly lease: string; readonly username: string; readonly password: string }> {
  const { issuer } = controlPlane;
  const token = await ownClient().clientCredentials({ resource: `${issuer}/secrets`, scope: 'secret:use' });
  const request = { method: 'POST', url: `${issuer}/secrets/leases`, body: { role: 'quotes' } } as const;
  // As the interface describes it.
  return (await ownClient().callOrThrow(token, request)) as Awaited<ReturnType<typeof lease>>;
}

/** A certificate by EST, and what presents it. */
async function enrol() {
  const own = newClientKey();
  const url = `${controlPlane.issuer}/.well-known/est/risk-service/simpleenroll`;
  const asked = { resource: `${controlPlane.issuer}/certificates`, scope: 'certificate:issue' };
  const { accessToken } = await ownClient().clientCredentials(asked);
  const body = Buffer.from(await requestFor([], own), 'base64url').toString('base64');
  const answer = await send({
    ...{ method: 'POST', url, body },
    headers: {
      'content-type': 'application/pkcs10',
      authorization: `DPoP ${accessToken}`,
      dpop: await proofOf(proofKey, { method: 'POST', url, accessToken }),
    },
  });
  expect(answer.status).toBe(200);
  const bag = Buffer.from(answer.body, 'base64');
  // The certificate is the last part of the bag but for empty sets.
  const at = bag.indexOf(Buffer.from('3082', 'hex'), 40);
  return {
    certificatePem: encodePem('CERTIFICATE', bag.subarray(at, at + 4 + bag.readUInt16BE(at + 2))),
    privateKeyPem: own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** Renews a certificate by EST: another key, the same names. */
async function renew(presented: Awaited<ReturnType<typeof enrol>>) {
  const { subject, extensions } = readX509Certificate(
    decodePem(presented.certificatePem, 'CERTIFICATE') ?? Buffer.alloc(0),
  );
  const names = extensions.get('2.5.29.17')?.value ?? Buffer.alloc(0);
  const { publicKey, privateKey } = newClientKey();
  const info = derSequence(
    derInteger(0),
    subject,
    publicKey.export({ format: 'der', type: 'spki' }),
    derElement(
      contextConstructed(0),
      derSequence(
        derObjectIdentifier('1.2.840.113549.1.9.14'),
        derSetOf(tags.set, [derSequence(derSequence(derObjectIdentifier('2.5.29.17'), derOctetString(names)))]),
      ),
    ),
  );
  const signature = sign('sha256', info, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return send({
    method: 'POST',
    url: `${mutualTls}/.well-known/est/risk-service/simplereenroll`,
    headers: { 'content-type': 'application/pkcs10' },
    body: Buffer.from(assembleCertificate(info, { algorithm: 'ES256', signature })).toString('base64'),
    tls: { authorities: certificates.authority.certificatePem, ...presented },
  });
}

it('ends the workload, the enrolments with their ACME account, the certificates and the leases of a service', async () => {
  const { operator, issuer } = controlPlane;
  const door = createAttesterDoor({ issuer, client: attester.client, clock: systemClock });
  await registerWorkload(
    operator,
    'pricing',
    workloadTerms({ holder: pricing, profile: 'risk-service', images: [image] }),
  );
  await door.obtainSvid('pricing', async () => evidence);

  const enrolment = (profile: string, hosts: readonly string[]) =>
    operator.call('certificates', 'certificate:issue', {
      ...post('/certificates/enrolments', { profile, holder: pricing, dns_names: hosts }),
    }) as Promise<{ readonly key_id: string; readonly hmac_key: string }>;
  await enrolment('risk-service', []);
  const acme = createAcmeClient({ directory: `${issuer}/acme/gateway/directory` });
  const { key_id: id, hmac_key: secret } = await enrolment('gateway', ['localhost']);
  const account = await acme.open({ id, secret } as Parameters<typeof acme.open>[0]);
  const order = await acme.order(account, ['localhost']);
  expect((await acme.finalize(account, order, requestFor(['localhost']))).status).toBe(200);
  const unfinished = await acme.order(account, ['localhost']);
  expect(unfinished.status).toBe(201);

  const presented = await enrol();
  expect((await renew(presented)).status).toBe(200);
  const role = { database: 'market-data', member_of: [leased.group], ttl_seconds: 600, max_ttl_seconds: 3_600 };
  const { id: proposal, digest } = (await operator.call('secrets', 'secret:propose', {
    ...post('/secrets/roles/proposals', {
      ...{ name: 'quotes', holders: [pricing], reason: 'It reads quotes' },
      role: { ...role, connections: 2, ends_with: 'holder' },
    }),
  })) as { readonly id: string; readonly digest: string };
  await operator.second.call('secrets', 'secret:approve', post(`/secrets/proposals/${proposal}/approve`, { digest }));
  const credential = await lease();
  expect(await leased.use(credential)).toEqual({ name: credential.username });

  const { id: departure } = (await operator.call('directory', 'directory:apply', {
    ...post(`/directory/principals/${pricing}/leave`, { reason: 'Switched off' }),
  })) as { readonly id: string };
  const completed = async () =>
    (await operator.records({ type: 'directory.departure-completed' })).find(({ data }) =>
      JSON.stringify(data).includes(departure),
    );
  await vi.waitFor(async () => expect(await completed()).toBeDefined(), { timeout: 60_000, interval: 300 });

  // The record of the departure has every effect.
  expect((await completed())?.data).toMatchObject({
    principal: pricing,
    effects: expect.arrayContaining([
      { name: 'tokens', ended: 1 },
      { name: 'workloads', ended: 1 },
      { name: 'enrolments', ended: 2 },
      // Of the attested workload, by ACME, by EST and its renewal.
      { name: 'certificates', ended: 4 },
      { name: 'leases', ended: 1 },
    ]),
  });
  const revoked = (await operator.records({ type: 'certificate.revoked' })).filter(({ data }) =>
    JSON.stringify(data).includes(pricing),
  );
  expect(revoked).toHaveLength(4);
  expect((await operator.records({ type: 'lease.ended' })).at(-1)?.data).toMatchObject({
    ...{ holder: pricing, ending: 'departed', lease: credential.lease },
  });

  // Nothing that it held is of any use.
  await expect(door.obtainSvid('pricing', async () => evidence)).rejects.toThrow('workload_ended');
  const problem = { status: 403, body: { type: 'urn:ietf:params:acme:error:unauthorized' } };
  expect(await acme.order(account, ['localhost'])).toMatchObject(problem);
  expect(await acme.finalize(account, unfinished, requestFor(['localhost']))).toMatchObject(problem);
  const again = await acme.open({ id, secret } as Parameters<typeof acme.open>[0]);
  expect(again.answer.status).toBeGreaterThanOrEqual(400);
  expect(await renew(presented)).toMatchObject({ status: 403, members: { code: 'certificate_request_refused' } });
  await expect(leased.use(credential)).rejects.toThrow('password authentication failed');
  await expect(lease()).rejects.toThrow();
});
