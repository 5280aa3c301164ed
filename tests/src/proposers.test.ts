import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient, generateSigningKey, importSigningKey } from '@countersign/sdk';
import { startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { type IdentityProvider, startIdentityProvider } from './testing/identity-provider.ts';
import { refusalBy } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// What somebody proposed counts while they may still propose it: here the software loses the scope by which they did.

const folder = scratchFolder();
const key = generateSigningKey();
let database: TestServer;
let node: RunningControlPlane;
let identityProvider: IdentityProvider;
let institution: string;
let approver: Client;

beforeAll(async () => {
  database = await startTestServer();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  institution = configuration.operator.lei;
  node = await runControlPlane(configuration);
  identityProvider = await startIdentityProvider();
  approver = createClient({
    issuer: node.issuer,
    clientId: 'countersign-approver',
    key: importSigningKey(JSON.parse(readFileSync(join(folder.path, 'approver.jwk'), 'utf8'))),
  });
  await register(['directory:apply']);
  await node.operator.call('partners', 'partner:register', {
    method: 'POST',
    path: '/partners/profiles',
    body: {
      institution,
      issuer: identityProvider.issuer,
      jwks_uri: `${identityProvider.issuer}/jwks`,
      algorithms: ['ES256'],
      max_lifetime_seconds: 180,
      required_claims: ['amr'],
      acr_values: ['phr', 'phrh'],
      max_authentication_age_seconds: 3600,
    },
  });
});
afterAll(async () => {
  await node?.stop();
  await identityProvider?.stop();
  await database?.stop();
  folder.remove();
});

/** The second software of the operator, with these scopes, and somebody who signs in through it. */
async function register(scopes: readonly string[]): Promise<void> {
  await node.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: {
      services: [{ id: 'service:console', institution, roles: [] }],
      people: [
        {
          ...{ id: 'person:olaf.first', institution, roles: ['auditor'], credentials: [] },
          federated: [{ issuer: identityProvider.issuer, subject: 'olaf' }],
        },
      ],
      clients: [
        {
          ...{ id: 'console', institution, principal: 'service:console', scopes },
          grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
          audiences: [`${node.issuer}/directory`],
          jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
        },
      ],
    },
  });
}

it.each(['software', 'a person through software'])(
  'a change of the directory is not approved once %s has lost the scope by which it was proposed',
  async (who) => {
    await register(['directory:apply']);
    const console = createClient({ issuer: node.issuer, clientId: 'console', key });
    const asked = { resource: `${node.issuer}/directory`, scope: 'directory:apply' };
    const token =
      who === 'software'
        ? await console.clientCredentials(asked)
        : await console.jwtBearer(await identityProvider.assertion('olaf', node.issuer), asked);
    const proposed = (await console.callOrThrow(token, {
      method: 'POST',
      url: `${node.issuer}/directory/changes`,
      body: {
        reason: 'A test',
        file: { services: [{ id: who === 'software' ? 'service:first' : 'service:second', institution, roles: [] }] },
      },
    })) as { readonly id: string; readonly digest: string; readonly proposedBy: string };
    expect(proposed.proposedBy).toBe(who === 'software' ? 'service:console' : 'person:olaf.first');

    await register(['directory:read']);
    const approve = async () => {
      const resource = `${node.issuer}/directory`;
      return approver.callOrThrow(await approver.clientCredentials({ resource, scope: 'directory:approve' }), {
        method: 'POST',
        url: `${resource}/changes/${proposed.id}/approve`,
        body: { digest: proposed.digest },
      });
    };
    expect(await refusalBy(approve)).toMatchObject({
      code: 'directory_changed_meanwhile',
      detail: 'Who proposed this may no longer propose it. Somebody who may proposes it again.',
    });

    await register(['directory:apply']);
    await approve();
  },
);

it('nothing is approved by a token from before its software has lost the scope to approve', async () => {
  await register(['directory:approve']);
  const console = createClient({ issuer: node.issuer, clientId: 'console', key });
  const resource = `${node.issuer}/directory`;
  const token = await console.clientCredentials({ resource, scope: 'directory:approve' });
  const body = { reason: 'A test', file: { services: [{ id: 'service:late', institution, roles: [] }] } };
  const path = '/directory/changes';
  const proposed = await node.operator.call('directory', 'directory:apply', { method: 'POST', path, body });
  const { id, digest } = proposed as { readonly id: string; readonly digest: string };
  const approve = () =>
    console.callOrThrow(token, { method: 'POST', url: `${resource}/changes/${id}/approve`, body: { digest } });

  await register(['directory:read']);
  expect(await refusalBy(approve)).toMatchObject({ code: 'token_revoked' });
  await register(['directory:approve']);
  await approve();
});
