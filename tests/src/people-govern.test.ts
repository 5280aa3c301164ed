import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PrincipalId, parsePrincipalId } from '@countersign/contracts';
import { personScopes } from '@countersign/market';
import {
  type Client,
  createClient,
  type DevelopmentClient,
  developmentPeople,
  generateSigningKey,
  importSigningKey,
  type SigningKey,
  signInForDevelopment,
} from '@countersign/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Command, configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { seconds, signJwt } from './testing/raw-client.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// Only people administer, and dual control needs two people: software of the operator puts nothing into force, however it is
// registered, and one person counts once, whichever client they use.

const folder = scratchFolder();
const extraKey = generateSigningKey();
let node: RunningControlPlane;
let issuer: string;
let keys: Readonly<Record<DevelopmentClient, SigningKey>>;

const keyIn = (file: string) => importSigningKey(JSON.parse(readFileSync(join(folder.path, file), 'utf8')));
const clientOf = (clientId: DevelopmentClient) => createClient({ issuer, clientId, key: keys[clientId] });
const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

beforeAll(async () => {
  node = await runControlPlane(await configurationIn(folder.path));
  issuer = node.issuer;
  keys = {
    'countersign-cli': keyIn('operator.jwk'),
    'countersign-approver': keyIn('approver.jwk'),
    'countersign-compliance': keyIn('compliance.jwk'),
  };
});
afterAll(async () => {
  await node?.stop();
  folder.remove();
});

/** A bundle that permits everything, with a test that says so. */
async function permitEverything() {
  const { bundle } = (await node.operator.call('policies', 'policy:read', {
    method: 'GET',
    path: '/policies/active',
  })) as { readonly bundle: { readonly policies: readonly object[] } };
  const everything = '@id("everything")\n@detail("Everything is permitted.")\npermit (principal, action, resource);\n';
  return { ...bundle, policies: [{ file: 'everything.cedar', text: everything }], tests: [] };
}

const activeVersion = async () =>
  (
    (await node.operator.call('policies', 'policy:read', { method: 'GET', path: '/policies/active' })) as {
      readonly version: { readonly version: number };
    }
  ).version.version;

describe('two services of the operator', () => {
  it('cannot put policies into force, by the commands of the installation or by their own clients, and the attempt is recorded', async () => {
    const lei = operatorLei();
    const { publicJwk, kid } = extraKey;
    const jwks = { keys: [{ ...publicJwk, kid }] };
    const own = (id: string, scopes: readonly string[]) => ({
      ...{ id, institution: lei, principal: `service:${id}`, grant_types: ['client_credentials'], scopes, jwks },
      audiences: [`${issuer}/policies`],
    });
    const file = {
      services: ['first', 'second'].map((id) => ({ id: `service:${id}`, institution: lei, roles: [] })),
      clients: [own('first', ['policy:propose', 'policy:read'])],
    };
    await node.operator.apply(file);
    const asked = (scope: string) => ({ resource: `${issuer}/policies`, scope });
    const attempts: readonly (readonly [string, Client, string])[] = [
      ['countersign-cli', clientOf('countersign-cli'), 'policy:propose'],
      ['countersign-approver', clientOf('countersign-approver'), 'policy:approve'],
      ['first', createClient({ issuer, clientId: 'first', key: extraKey }), 'policy:propose'],
    ];
    for (const [name, client, scope] of attempts) {
      expect(await codeOf(() => client.clientCredentials(asked(scope))), name).toBe('access_denied person_needed');
      // The other scopes in the request do not help.
      expect(await codeOf(() => client.clientCredentials(asked(`policy:read ${scope}`)))).toBe(
        'access_denied person_needed',
      );
    }
    // Nor does a read-only token give access.
    const reader = clientOf('countersign-cli');
    const answer = await reader.call(await reader.clientCredentials(asked('policy:read')), {
      method: 'POST',
      url: `${issuer}/policies/candidates`,
      body: { bundle: await permitEverything(), changeRequest: 'CHG-1', reason: 'Why not', simulation: 'sim_x' },
    });
    expect(answer.status).toBe(403);
    expect(await activeVersion()).toBe(1);
    const refused = (await node.operator.records({ type: 'token.refused' })).map(({ reason, client }) => [
      client,
      reason,
    ]);
    for (const [name] of attempts) expect(refused).toContainEqual([name, 'person_needed']);
  });

  it.each([...personScopes].sort())('get no token with %s', async (scope) => {
    const doors = node.components.directory.snapshot();
    for (const id of Object.keys(developmentPeople) as DevelopmentClient[]) {
      const client = doors.client(id);
      const resource = client?.audiences.find((uri) =>
        doors.resource(uri)?.scopes.some((offered) => offered === scope),
      );
      if (client === undefined || resource === undefined || !client.scopes.includes(scope)) continue;
      expect(await codeOf(() => clientOf(id).clientCredentials({ resource, scope })), id).toBe(
        'access_denied person_needed',
      );
    }
  });
});

function operatorLei(): string {
  const institution = node.components.directory.snapshot().client('countersign-cli' as never)?.institution;
  if (institution === undefined) throw new Error('no operator');
  return institution;
}

/** The operator's person, through any client: with the assertion issued to it. */
function operatorThrough(clientId: DevelopmentClient): Command {
  const client = clientOf(clientId);
  const token: Command['token'] = async (door, scope) => {
    const { person, issuer: path } = developmentPeople['countersign-cli'];
    const assertion = assertionOf(`${issuer}/${path}`, person, clientId, keys['countersign-cli']);
    return client.jwtBearer(assertion, { resource: `${issuer}/${door}`, scope });
  };
  return {
    client,
    token,
    call: async (door, scope, { path, ...request }) =>
      client.callOrThrow(await token(door, scope), { ...request, url: `${issuer}${path}` }),
  };
}

const assertionOf = (iss: string, sub: string, clientId: string, key: SigningKey, change: object = {}) =>
  signJwt(
    key,
    { alg: 'ES256', typ: 'JWT', kid: key.kid },
    {
      ...{ iss, sub, aud: issuer, client_id: clientId, jti: crypto.randomUUID(), acr: developmentClass, amr: ['swk'] },
      ...{ iat: seconds(), exp: seconds() + 30, auth_time: seconds(), ...change },
    },
  );
const developmentClass = 'urn:countersign:acr:development';

describe('one person with the clients of two', () => {
  it('cannot approve a directory change that they proposed', async () => {
    const body = {
      reason: 'A test',
      file: { services: [{ id: 'service:one', institution: operatorLei(), roles: [] }] },
    };
    const proposed = (await node.operator.call('directory', 'directory:apply', post('/directory/changes', body))) as {
      readonly id: string;
      readonly digest: string;
      readonly proposedBy: string;
    };
    expect(proposed.proposedBy).toBe('person:development.operator');
    const approve = (by: Command) =>
      by.call('directory', 'directory:approve', {
        ...post(`/directory/changes/${proposed.id}/approve`, { digest: proposed.digest }),
      });
    expect(await codeOf(() => approve(operatorThrough('countersign-approver')))).toBe('change_self_approval');
    await approve(node.operator.second);
  });

  it('cannot approve policies that they proposed', async () => {
    const policies = (scope: string, request: ReturnType<typeof post>) =>
      node.operator.call('policies', scope, request);
    const { bundle } = (await node.operator.call('policies', 'policy:read', {
      method: 'GET',
      path: '/policies/active',
    })) as { readonly bundle: { readonly rates: Readonly<Record<string, string>> } };
    const changed = { ...bundle, rates: { ...bundle.rates, 'CHF/EUR': '1.15' } };
    const { id: simulation } = (await policies('policy:read', post('/policies/simulations', { bundle: changed }))) as {
      readonly id: string;
    };
    await finished(simulation);
    const candidate = (await policies(
      'policy:propose',
      post('/policies/candidates', { bundle: changed, changeRequest: 'CHG-2', reason: 'A test', simulation }),
    )) as { readonly id: string; readonly digest: string };
    const approve = (by: Command) =>
      by.call('policies', 'policy:approve', {
        ...post(`/policies/candidates/${candidate.id}/approve`, { digest: candidate.digest }),
      });
    expect(await codeOf(() => approve(operatorThrough('countersign-approver')))).toBe('candidate_self_approval');
    await approve(node.operator.second);
    expect(await activeVersion()).toBe(2);
  });

  it('can neither approve a retention change that they proposed nor release a hold that they placed', async () => {
    const change = { kind: 'pruning', class: 'access' };
    const call = (scope: string, request: ReturnType<typeof post>) => node.operator.call('retention', scope, request);
    const { id: simulation } = (await call('retention:propose', post('/retention/simulations', { change }))) as {
      readonly id: string;
    };
    const { id, digest } = (await call(
      'retention:propose',
      post('/retention/proposals', { simulation, reason: 'A test' }),
    )) as { readonly id: string; readonly digest: string };
    const same = operatorThrough('countersign-approver');
    expect(
      await codeOf(() =>
        same.call('retention', 'retention:approve', post(`/retention/proposals/${id}/approve`, { digest })),
      ),
    ).toBe('own_proposal');
    const held = { scope: { person: 'person:somebody' }, future: true, matter: 'Court of Frankfurt, 3-05 O 17/26' };
    const hold = (await call('legalhold:place', post('/retention/holds', held))) as { readonly id: string };
    const release = post(`/retention/holds/${hold.id}/release`, { reason: 'Over' });
    expect(await codeOf(() => same.call('retention', 'legalhold:release', release))).toBe('hold_same_person');
    await node.operator.second.call('retention', 'legalhold:release', release);
  });

  it('cannot lift a revocation that they placed', async () => {
    const body = { kind: 'client', id: 'first', reason: 'ended by a test' };
    const placed = (await operatorThrough('countersign-cli').call(
      'revocations',
      'token:revoke',
      post('/revocations', body),
    )) as { readonly revocation: string };
    const lift = (by: Command) =>
      by.call('revocations', 'revocation:lift', post(`/revocations/${placed.revocation}/lift`, { reason: 'Found' }));
    expect(await codeOf(() => lift(operatorThrough('countersign-approver')))).toBe('revocation_same_principal');
    const { person } = developmentPeople['countersign-cli'];
    const principalOf = (id: DevelopmentClient) =>
      node.components.directory.snapshot().client(id as never)?.principal ?? '';
    expect((await node.operator.records({ type: 'access.refused' })).at(-1)).toMatchObject({
      reason: 'revocation_same_principal',
      subject: { id: person },
      actors: [{ id: principalOf('countersign-approver') }],
      data: { operation: 'revocation:lift', about: placed.revocation },
    });
    await lift(node.operator.second);
    const actorsIn = async (type: string) =>
      (await node.operator.records({ type })).at(-1)?.actors?.map(({ id }) => id) ?? [];
    expect(await actorsIn('token.revoked')).toEqual([person, principalOf('countersign-cli')]);
    expect(await actorsIn('revocation.lifted')).toEqual([
      developmentPeople['countersign-approver'].person,
      principalOf('countersign-approver'),
    ]);
  });
});

const partnerIssuer = 'https://idp.partner.example';
const partnerProfile = (change: object = {}) => ({
  institution: operatorLei(),
  issuer: partnerIssuer,
  jwks_uri: `${partnerIssuer}/jwks`,
  algorithms: ['ES256'],
  max_lifetime_seconds: 60,
  required_claims: [],
  acr_values: ['phrh'],
  max_authentication_age_seconds: 60,
  ...change,
});
type Proposed = { readonly id: string; readonly digest: string; readonly proposedBy: string };
const proposePartner = (by: Command, change: object = {}) =>
  by.call(
    'partners',
    'partner:register',
    post('/partners/profiles', { profile: partnerProfile(change), reason: 'A test' }),
  ) as Promise<Proposed>;
const approveChange = (by: Command, { id, digest }: Proposed) =>
  by.call('directory', 'directory:approve', post(`/directory/changes/${id}/approve`, { digest }));
/** The partner's profile, as used to verify its signatures. */
const trusted = () => node.components.trustRegistry.profileOf(partnerIssuer);

describe('trust in a partner', () => {
  it('cannot be given by one person with the clients of two', async () => {
    const proposed = await proposePartner(node.operator);
    expect(proposed).toMatchObject({ status: 'proposed', proposedBy: 'person:development.operator' });
    expect(await codeOf(() => approveChange(operatorThrough('countersign-approver'), proposed))).toBe(
      'change_self_approval',
    );
    expect(await trusted()).toBeUndefined();
    await approveChange(node.operator.second, proposed);
    expect(await trusted()).toMatchObject({ version: 1 });
  });

  it.each([
    ['another key set', { jwks_uri: `${partnerIssuer}/mine` }],
    ['a weaker sign-in', { acr_values: ['password', 'phrh'] }],
    ['a sign-in to our pages', { sign_in: { client_id: 'countersign', classes: { phrh: 'phrh' } } }],
  ])('cannot be widened by one person: %s', async (_name, change) => {
    const before = await trusted();
    const proposed = await proposePartner(node.operator, change);
    expect(await codeOf(() => approveChange(operatorThrough('countersign-approver'), proposed))).toBe(
      'change_self_approval',
    );
    expect(await trusted()).toEqual(before);
    const { reason, subject } = (await node.operator.records({ type: 'access.refused' })).at(-1) ?? {};
    expect([reason, subject?.id]).toEqual(['change_self_approval', 'person:development.operator']);
  });

  it('cannot be given by two services, nor through the directory interfaces', async () => {
    const before = await trusted();
    const software = (id: DevelopmentClient, door: string, scope: string) => () =>
      clientOf(id).clientCredentials({ resource: `${issuer}/${door}`, scope });
    expect(await codeOf(software('countersign-cli', 'partners', 'partner:register'))).toBe(
      'access_denied person_needed',
    );
    expect(await codeOf(software('countersign-approver', 'directory', 'directory:approve'))).toBe(
      'access_denied person_needed',
    );
    // The approver's software holds no scope to propose, for any user.
    expect(await codeOf(() => proposePartner(node.operator.second))).toMatch(/^(invalid_scope|invalid_target)/);
    const body = { reason: 'A test', partner: partnerProfile({ max_lifetime_seconds: 300 }) };
    expect(
      await codeOf(() => node.operator.call('directory', 'directory:apply', post('/directory/changes', body))),
    ).toBe('directory_file_invalid');
    expect(await trusted()).toEqual(before);
  });

  it('is withdrawn by one person at once, and given again by two', async () => {
    const { id } = (await trusted()) ?? {};
    const suspension = post(`/partners/profiles/${id}/suspend`, { reason: 'Its keys were stolen' });
    await node.operator.call('partners', 'partner:register', suspension);
    expect(await trusted()).toMatchObject({ suspended: true });
    // Even less than before is trust again.
    const proposed = await proposePartner(node.operator, { max_lifetime_seconds: 30 });
    expect(await trusted()).toMatchObject({ suspended: true });
    await approveChange(node.operator.second, proposed);
    expect(await trusted()).toMatchObject({ maxLifetimeSeconds: 30 });
    expect(await trusted()).not.toHaveProperty('suspended');
  });
});

describe('a sign-in of one person', () => {
  const asked = () => ({ resource: `${issuer}/directory`, scope: 'directory:apply' });
  const own = developmentPeople['countersign-cli'];
  const other = developmentPeople['countersign-approver'];
  const given = (assertion: string) => codeOf(() => clientOf('countersign-cli').jwtBearer(assertion, asked()));

  it('cannot be made with the key of another', async () => {
    const key = keys['countersign-approver'];
    expect(await given(assertionOf(`${issuer}/${own.issuer}`, own.person, 'countersign-cli', key))).toBe(
      'invalid_grant assertion_key_unknown',
    );
    // Each key belongs to one person.
    expect(await given(assertionOf(`${issuer}/${other.issuer}`, own.person, 'countersign-cli', key))).toBe(
      'invalid_grant assertion_subject_unknown',
    );
  });

  it('is used once, by the client that it was issued to, and with its own assurance only', async () => {
    const key = keys['countersign-cli'];
    const once = await signInForDevelopment({ issuer, clientId: 'countersign-cli', key });
    const client = clientOf('countersign-cli');
    await client.jwtBearer(once, asked());
    expect(await given(once)).toMatch(/^invalid_grant /);
    const foreign = await signInForDevelopment({ issuer, clientId: 'countersign-cli', key });
    expect(await codeOf(() => clientOf('countersign-approver').jwtBearer(foreign, asked()))).toBe(
      'invalid_grant assertion_client',
    );
    const better = assertionOf(`${issuer}/${own.issuer}`, own.person, 'countersign-cli', key, { acr: 'phrh' });
    expect(await given(better)).toBe('invalid_grant assertion_assurance');
  });
});

/** Waits until the simulation is done. */
async function finished(simulation: string): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          (await node.operator.call('policies', 'policy:read', {
            method: 'GET',
            path: `/policies/simulations/${simulation}`,
          })) as { readonly status: string }
        ).status,
      { timeout: 60_000 },
    )
    .toBe('done');
}

// Last: after this, nothing that these two do together counts.
describe('two people of whom one invited the other to enrol', () => {
  it('are not the second person for each other, for a directory change, a partner, the release of a hold or lifting a revocation, and the refusal is recorded', async () => {
    const { authenticators } = node.components.authentication;
    const [operatorPerson, approverPerson] = [
      developmentPeople['countersign-cli'].person,
      developmentPeople['countersign-approver'].person,
    ].map((id) => {
      const person = parsePrincipalId(id);
      if (person === undefined) throw new Error(`nobody: ${id}`);
      return person;
    }) as [PrincipalId, PrincipalId];
    await authenticators.invite({ person: approverPerson, evidence: ['I know them'] }, { id: operatorPerson });

    const body = {
      reason: 'A test',
      file: { services: [{ id: 'service:puppet', institution: operatorLei(), roles: [] }] },
    };
    const change = (await node.operator.call('directory', 'directory:apply', post('/directory/changes', body))) as {
      readonly id: string;
      readonly digest: string;
    };
    const approve = () =>
      node.operator.second.call('directory', 'directory:approve', {
        ...post(`/directory/changes/${change.id}/approve`, { digest: change.digest }),
      });
    expect(await codeOf(approve)).toBe('change_not_independent');
    const before = await trusted();
    const partner = await proposePartner(node.operator, { max_lifetime_seconds: 300 });
    expect(await codeOf(() => approveChange(node.operator.second, partner))).toBe('change_not_independent');
    expect(await trusted()).toEqual(before);
    const { id } = (await node.operator.call(
      'retention',
      'legalhold:place',
      post('/retention/holds', { scope: { institution: operatorLei() }, matter: 'M-1', future: true }),
    )) as { readonly id: string };
    expect(
      await codeOf(() =>
        node.operator.second.call(
          'retention',
          'legalhold:release',
          post(`/retention/holds/${id}/release`, { reason: 'over' }),
        ),
      ),
    ).toBe('approver_not_independent');
    const { revocation } = (await operatorThrough('countersign-cli').call(
      'revocations',
      'token:revoke',
      post('/revocations', { kind: 'client', id: 'first', reason: 'ended by a test' }),
    )) as { readonly revocation: string };
    expect(
      await codeOf(() =>
        node.operator.second.call(
          'revocations',
          'revocation:lift',
          post(`/revocations/${revocation}/lift`, { reason: 'Found' }),
        ),
      ),
    ).toBe('revocation_not_independent');
    const refused = (await node.operator.records({ type: 'access.refused' })).map(({ reason }) => reason);
    expect(refused).toEqual(
      expect.arrayContaining(['change_not_independent', 'approver_not_independent', 'revocation_not_independent']),
    );
  });
});
