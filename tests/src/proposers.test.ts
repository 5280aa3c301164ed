import { type Client, createClient, generateSigningKey, type Token } from '@countersign/sdk';
import { startTestServer, type TestServer } from '@countersign/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { type IdentityProvider, startIdentityProvider } from './testing/identity-provider.ts';
import { refusalBy } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// A proposal is valid only while its proposer may still make it: here the software loses its scope.

const folder = scratchFolder();
const key = generateSigningKey();
let database: TestServer;
let node: RunningControlPlane;
let identityProvider: IdentityProvider;
let institution: string;

beforeAll(async () => {
  database = await startTestServer();
  const configuration = await configurationIn(folder.path, { database: database.connection });
  institution = configuration.operator.lei;
  node = await runControlPlane(configuration);
  identityProvider = await startIdentityProvider();
  await register(['directory:apply']);
  await node.operator.trust({
    institution,
    issuer: identityProvider.issuer,
    jwks_uri: `${identityProvider.issuer}/jwks`,
    algorithms: ['ES256'],
    max_lifetime_seconds: 180,
    required_claims: ['amr'],
    acr_values: ['phr', 'phrh'],
    max_authentication_age_seconds: 3600,
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
          ...{ id: 'person:olaf.first', institution, roles: ['operator'], credentials: [] },
          federated: [{ issuer: identityProvider.issuer, subject: 'olaf' }],
        },
      ],
      clients: [
        {
          ...{ id: 'console', institution, principal: 'service:console', scopes },
          grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
          audiences: ['directory', 'policies'].map((door) => `${node.issuer}/${door}`),
          jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] },
        },
      ],
    },
  });
}

/** Olaf, through the console. */
async function signedIn(
  scope: string,
  door: 'directory' | 'policies' = 'directory',
): Promise<{ readonly console: Client; readonly token: Token }> {
  const console = createClient({ issuer: node.issuer, clientId: 'console', key });
  const assertion = await identityProvider.assertion('olaf', node.issuer);
  return { console, token: await console.jwtBearer(assertion, { resource: `${node.issuer}/${door}`, scope }) };
}

it('a directory change is not approved once its proposer’s software has lost the scope by which it was proposed', async () => {
  await register(['directory:apply']);
  const { console, token } = await signedIn('directory:apply');
  const url = `${node.issuer}/directory/changes`;
  const proposed = (await console.callOrThrow(token, {
    method: 'POST',
    url,
    body: { reason: 'A test', file: { services: [{ id: 'service:second', institution, roles: [] }] } },
  })) as { readonly id: string; readonly digest: string; readonly proposedBy: string };
  expect(proposed.proposedBy).toBe('person:olaf.first');

  await register(['directory:read']);
  const { second } = node.operator;
  const approve = () =>
    second.call('directory', 'directory:approve', {
      method: 'POST',
      path: `/directory/changes/${proposed.id}/approve`,
      body: { digest: proposed.digest },
    });
  expect(await refusalBy(approve)).toMatchObject({
    code: 'directory_changed_meanwhile',
    detail: 'Who proposed this may no longer propose it. Somebody who may proposes it again.',
  });

  await register(['directory:apply']);
  await approve();
});

it("policies are not approved once their proposer's software has lost the scope by which they were proposed", async () => {
  const asOperator = (scope: string, path: string, body?: object) =>
    node.operator.call('policies', scope, {
      ...{ method: body === undefined ? 'GET' : 'POST', path },
      ...(body === undefined ? {} : { body }),
    });
  const { bundle: active } = (await asOperator('policy:read', '/policies/active')) as {
    readonly bundle: { readonly rates: Readonly<Record<string, string>> };
  };
  const bundle = { ...active, rates: { ...active.rates, 'CHF/EUR': '1.15' } };
  const { id: simulation } = (await asOperator('policy:read', '/policies/simulations', { bundle })) as {
    readonly id: string;
  };
  const progress = async () =>
    ((await asOperator('policy:read', `/policies/simulations/${simulation}`)) as { readonly status: string }).status;
  await expect.poll(progress, { timeout: 60_000 }).toBe('done');

  const body = { bundle, changeRequest: 'CHG-1', reason: 'A test', simulation };
  const propose = async () => {
    await register(['policy:propose']);
    const { console, token } = await signedIn('policy:propose', 'policies');
    const url = `${node.issuer}/policies/candidates`;
    return (await console.callOrThrow(token, { method: 'POST', url, body })) as {
      readonly id: string;
      readonly digest: string;
    };
  };
  const approve = ({ id, digest }: { readonly id: string; readonly digest: string }) =>
    node.operator.second.call('policies', 'policy:approve', {
      method: 'POST',
      path: `/policies/candidates/${id}/approve`,
      body: { digest },
    });

  const proposed = await propose();
  const [record] = await node.operator.records({ type: 'policy.proposed' });
  expect(record).toMatchObject({ subject: { id: 'person:olaf.first' }, actors: [{ id: 'service:console' }] });
  await register(['policy:read']);
  expect(await refusalBy(() => approve(proposed))).toMatchObject({
    code: 'candidate_proposer_gone',
    detail: 'Who proposed this may no longer propose it. Somebody who may proposes it again.',
  });
  // It has ended, and stays ended when the software gets its scope back.
  await register(['policy:propose']);
  expect(await refusalBy(() => approve(proposed))).toMatchObject({ code: 'candidate_decided' });
  await approve(await propose());
});

it('nothing is approved with a token from before its software lost the scope to approve', async () => {
  await register(['directory:approve']);
  const { console, token } = await signedIn('directory:approve');
  const resource = `${node.issuer}/directory`;
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
