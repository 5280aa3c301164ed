import { sha256 } from '@countersign/kernel';
import { makeKey } from '@countersign/testkit';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { broker, clearing } from '../testing/trading-world.ts';
import { clientOf, createRig, issuer, machine, type Rig } from './testing/rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await createRig();
});
afterAll(() => rig.close());
afterEach(async () => {
  for (const id of rig.directory.documents.keys()) rig.directory.remove(id);
  await rig.pool.query('delete from client_registrations');
  rig.ended.length = 0;
});

const recordsSince = (from: number) => rig.audit.records.slice(from);
const mark = () => rig.audit.records.length;

/** Status, error and reason of a refusal, and the pointers it names. */
function refusalOf(response: LightMyRequestResponse) {
  const { error, reason, problems } = response.json();
  const paths = Array.isArray(problems) ? problems.map(({ path }) => path) : undefined;
  return { status: response.statusCode, error, reason, ...(paths === undefined ? {} : { paths }) };
}

describe('registering a client', () => {
  it('answers with the registered metadata, the management address and its token', async () => {
    const response = await rig.register(rig.node(), machine());
    expect(response.statusCode).toBe(201);
    expect(response.headers['cache-control']).toBe('no-store');
    const client = clientOf(response);
    expect(client).toEqual({
      ...machine(),
      client_id: expect.stringMatching(/^c-[0-9a-f]{32}$/),
      client_id_issued_at: Date.parse('2026-11-23T10:00:00Z') / 1000,
      registration_client_uri: `${issuer}/register/${client.client_id}`,
      registration_access_token: expect.stringMatching(/^csreg_[\w-]{43}$/),
      token_endpoint_auth_method: 'private_key_jwt',
      response_types: [],
      dpop_bound_access_tokens: true,
      tls_client_certificate_bound_access_tokens: false,
      require_pushed_authorization_requests: true,
      countersign_kind: 'machine',
      countersign_profile: 'fapi2',
      countersign_environment: 'sandbox',
      countersign_institution: broker,
    });
  });

  it('asks the directory for a sandbox client of the caller’s institution', async () => {
    const client = clientOf(await rig.register(rig.node(), machine()));
    expect(rig.directory.documents.get(client.client_id)).toMatchObject({
      id: client.client_id,
      institution: broker,
      principal: 'service:trading-desk',
      environment: 'sandbox',
      scopes: ['order:create', 'order:read'],
      audiences: ['https://venue.example/orders'],
      binding: 'dpop',
    });
  });

  it('is recorded before the directory changes, and the token is stored neither in records nor in the database', async () => {
    const from = mark();
    const client = clientOf(await rig.register(rig.node(), machine()));
    expect(recordsSince(from)).toMatchObject([
      {
        type: 'client.registered',
        outcome: 'done',
        subject: { id: 'service:order-desk', institution: broker },
        client: 'order-desk',
        data: {
          operation: 'register',
          client: client.client_id,
          principal: 'service:trading-desk',
          environment: 'sandbox',
          scopes: ['order:create', 'order:read'],
          document_digest: expect.stringMatching(/^[\w-]{43}$/),
        },
      },
      { type: 'directory.applied' },
    ]);
    const token = client.registration_access_token;
    expect(JSON.stringify(rig.audit.records)).not.toContain(token.slice(6));
    const { rows } = await rig.pool.query(
      'select token_hash, client_registrations::text as row from client_registrations',
    );
    expect(rows).toHaveLength(1);
    expect(rows[0].token_hash).toEqual(sha256(token));
    expect(rows[0].row).not.toContain(token.slice(6));
  });

  it('registers an ordinary relying party with the defaults of OpenID Connect', async () => {
    const { scope: _, grant_types: __, ...metadata } = machine({ countersign_profile: 'oidc' });
    const redirectUris = ['https://desk.broker.example/callback'];
    const client = clientOf(await rig.register(rig.node(), { ...metadata, redirect_uris: redirectUris }));
    expect(client).toMatchObject({
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: redirectUris,
      scope: 'openid',
      dpop_bound_access_tokens: false,
      id_token_signed_response_alg: 'ES256',
      require_pushed_authorization_requests: false,
      countersign_kind: 'human',
    });
    expect(rig.directory.documents.get(client.client_id)).toMatchObject({ binding: 'none' });
  });

  it('ignores unknown members, null, and the key uses that browsers write into keys', async () => {
    const { kid: _, jwk } = makeKey();
    const client = clientOf(
      await rig.register(
        rig.node(),
        machine({
          client_uri: 'https://broker.example',
          'client_name#de': 'Handelstisch',
          client_id: 'my-own',
          redirect_uris: null,
          jwks: { keys: [{ ...jwk, kid: 'k', key_ops: ['verify'], ext: true }] },
        }),
      ),
    );
    expect(client.client_id).not.toBe('my-own');
    expect(client).not.toHaveProperty('client_uri');
    expect(client['jwks']).toEqual({ keys: [{ ...jwk, kid: 'k' }] });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['a certificate', { tls_client_certificate_bound_access_tokens: true }, { binding: 'mtls' }],
    ['a proof', { dpop_bound_access_tokens: true, countersign_profile: 'oidc' }, { binding: 'dpop' }],
    ['what the profile has, where the answer is no', { dpop_bound_access_tokens: false }, { binding: 'dpop' }],
  ])('binds tokens to %s', async (_, change, expected) => {
    const client = clientOf(await rig.register(rig.node(), machine(change)));
    expect(rig.directory.documents.get(client.client_id)).toMatchObject(expected);
  });
});

describe('a registration is refused', () => {
  const invalid = (reason: string, ...paths: readonly string[]) => ({
    status: 400,
    error: 'invalid_client_metadata',
    reason,
    paths,
  });

  it.each<[string, Record<string, unknown>, string, ...string[]]>([
    ['with a shared secret', { client_secret: 'hunter2hunter2' }, 'metadata_refused', '/client_secret'],
    [
      'with client_secret_basic',
      { token_endpoint_auth_method: 'client_secret_basic' },
      'metadata_refused',
      '/token_endpoint_auth_method',
    ],
    [
      'with client_secret_jwt',
      { token_endpoint_auth_method: 'client_secret_jwt' },
      'metadata_refused',
      '/token_endpoint_auth_method',
    ],
    [
      'without authentication',
      { token_endpoint_auth_method: 'none' },
      'metadata_refused',
      '/token_endpoint_auth_method',
    ],
    ['with a key set that messages name', { jku: 'https://x.example/keys' }, 'metadata_refused', '/jku'],
    ['with a certificate that messages name', { x5u: 'https://x.example/c' }, 'metadata_refused', '/x5u'],
    ['with requests to fetch', { request_uris: ['https://x.example/r'] }, 'metadata_refused', '/request_uris'],
    ['with a sector', { sector_identifier_uri: 'https://x.example/s' }, 'metadata_refused', '/sector_identifier_uri'],
    ['for the implicit flow', { response_types: ['token'] }, 'metadata_refused', '/response_types'],
    ['for the hybrid flow', { response_types: ['code id_token'] }, 'metadata_refused', '/response_types'],
    ['with response types that are not a list', { response_types: 'code' }, 'metadata_refused', '/response_types'],
    ['for codes without their grant', { response_types: ['code'] }, 'metadata_contradictory', '/response_types'],
    [
      'for unsigned ID tokens',
      { id_token_signed_response_alg: 'none' },
      'metadata_refused',
      '/id_token_signed_response_alg',
    ],
    [
      'for an algorithm we do not sign with',
      { id_token_signed_response_alg: 'HS256' },
      'metadata_refused',
      '/id_token_signed_response_alg',
    ],
    [
      'for assertions by a shared key',
      { token_endpoint_auth_signing_alg: 'HS256' },
      'metadata_refused',
      '/token_endpoint_auth_signing_alg',
    ],
    [
      'for encryption',
      { id_token_encrypted_response_alg: 'RSA-OAEP' },
      'metadata_refused',
      '/id_token_encrypted_response_alg',
    ],
    ['for pairwise subjects', { subject_type: 'pairwise' }, 'metadata_refused', '/subject_type'],
    [
      'for user codes',
      { backchannel_user_code_parameter: true },
      'metadata_refused',
      '/backchannel_user_code_parameter',
    ],
    ['for another institution', { countersign_institution: clearing }, 'metadata_refused', '/countersign_institution'],
    [
      'for two bindings',
      { dpop_bound_access_tokens: true, tls_client_certificate_bound_access_tokens: true },
      'metadata_contradictory',
      '/dpop_bound_access_tokens',
    ],
    [
      'with a binding that is neither yes nor no',
      { dpop_bound_access_tokens: 'yes' },
      'metadata_malformed',
      '/dpop_bound_access_tokens',
    ],
    ['with scopes in a list', { scope: ['order:read'] }, 'metadata_malformed', '/scope'],
    ['with endless scopes', { scope: 'a'.repeat(4_097) }, 'metadata_malformed', '/scope'],
    [
      'without a principal',
      { countersign_principal: undefined },
      'client_principal_unsuitable',
      '/countersign_principal',
    ],
    [
      'for a person',
      { countersign_principal: 'person:anna.keller' },
      'client_principal_unsuitable',
      '/countersign_principal',
    ],
    ['for a scope that stands for many', { scope: 'admin_all' }, 'scope_generic', '/scope'],
    ['for a scope that is none', { scope: 'order:write' }, 'scope_unknown', '/scope'],
    ['for both sides of one check', { scope: 'order:create order:approve' }, 'scope_duties_combined', '/scope'],
    ['with a private key', { jwks: { keys: [{ kty: 'EC', d: 'secret' }] } }, 'private_key_in_file', '/jwks/keys/0'],
    ['without keys', { jwks: undefined }, 'client_metadata_invalid', '/jwks'],
  ])('%s', async (_, change, reason, ...paths) => {
    const from = mark();
    const response = await rig.register(rig.node(), machine(change));
    expect(refusalOf(response)).toEqual(invalid(reason, ...paths));
    expect(recordsSince(from)).toMatchObject([
      {
        type: 'access.refused',
        outcome: 'deny',
        reason,
        subject: { id: 'service:order-desk', institution: broker },
        data: { operation: 'client:register', error: 'invalid_client_metadata' },
      },
    ]);
    expect(rig.directory.documents.size).toBe(0);
    expect((await rig.pool.query('select client_id from client_registrations')).rows).toEqual([]);
  });

  it('for production, with a pointer to dual control', async () => {
    const response = await rig.register(rig.node(), machine({ countersign_environment: 'production' }));
    expect(refusalOf(response)).toEqual(invalid('registration_production', '/countersign_environment'));
    expect(response.json().error_description).toContain('POST /directory/changes');
  });

  it('with an error of its own if only redirect URIs are at fault', async () => {
    const person = { grant_types: ['authorization_code'], countersign_profile: 'oidc', scope: 'openid' };
    const redirects = { redirect_uris: ['https://ok.example/cb', 'http://plain.example/cb'] };
    const onlyThose = await rig.register(rig.node(), machine({ ...person, ...redirects }));
    expect(refusalOf(onlyThose)).toEqual({
      status: 400,
      error: 'invalid_redirect_uri',
      reason: 'client_metadata_invalid',
      paths: ['/redirect_uris/1'],
    });
    const andMore = await rig.register(rig.node(), machine({ ...person, ...redirects, jwks: undefined }));
    expect(refusalOf(andMore)).toEqual(invalid('client_metadata_invalid', '/redirect_uris/1', '/jwks'));
  });

  it.each([
    ['a.b.c', 'unapproved_software_statement', 'software_statement_unapproved'],
    ['not a statement', 'invalid_software_statement', 'software_statement_malformed'],
    [{ iss: 'x' }, 'invalid_software_statement', 'software_statement_malformed'],
  ])('with the software statement %s', async (statement, error, reason) => {
    const response = await rig.register(rig.node(), machine({ software_statement: statement }));
    expect(refusalOf(response)).toEqual({ status: 400, error, reason });
  });

  it('for a principal of another institution, with the same answer as for an unknown one', async () => {
    const app = rig.node();
    const [foreign, none] = await Promise.all(
      ['service:venue', 'service:nobody'].map((id) => rig.register(app, machine({ countersign_principal: id }))),
    );
    expect(foreign?.json().reason).toBe('client_principal_unsuitable');
    expect(foreign?.json()).toEqual(none?.json());
  });

  it('with all problems of the metadata at once', async () => {
    const response = await rig.register(
      rig.node(),
      machine({ client_secret: 'x', response_types: ['token'], scope: 7, countersign_principal: 'x' }),
    );
    expect(refusalOf(response)).toEqual(
      invalid('metadata_invalid', '/client_secret', '/response_types', '/countersign_principal', '/scope'),
    );
  });

  it.each([
    ['JSON that is none', '{"client_name": ', 'body_not_json'],
    ['a list', '[]', 'metadata_malformed'],
    ['null', 'null', 'metadata_malformed'],
    ['a text', '"x"', 'metadata_malformed'],
    ['a poisoned prototype', '{"__proto__": {"scope": "order:read"}}', 'body_not_json'],
  ])('with %s for a body', async (_, body, reason) => {
    const response = await rig.register(rig.node(), body);
    expect(refusalOf(response)).toMatchObject({ status: 400, error: 'invalid_client_metadata', reason });
  });

  it('with an oversized body or one of another type', async () => {
    const app = rig.node();
    const large = await rig.register(app, machine({ client_name: 'x'.repeat(70_000) }));
    expect(refusalOf(large)).toEqual({ status: 413, error: 'invalid_client_metadata', reason: 'body_too_large' });
    const headers = {
      ...rig.headers('POST', `${issuer}/register`),
      'content-type': 'application/x-www-form-urlencoded',
    };
    const form = await app.inject({ method: 'POST', url: '/register', headers, payload: 'client_name=x' });
    expect(refusalOf(form)).toMatchObject({ status: 400, reason: 'metadata_malformed' });
  });

  it('from an institution whose LEI registration is not in good standing', async () => {
    const by = { lei: clearing, subject: 'service:clearing', client: 'clearing-core' };
    const { directory } = rig.world;
    const lapsed = directory.snapshot().institution(clearing);
    if (lapsed === undefined) throw new Error('no such institution');
    rig.world.lapse(lapsed.lei);
    const response = await rig.register(rig.node(), machine({ countersign_principal: 'service:clearing' }), by);
    expect(refusalOf(response)).toEqual({ status: 403, error: 'access_denied', reason: 'registration_standing' });
  });

  it.each([
    ['another scope', { scope: 'order:cancel' }, 403, 'insufficient_scope'],
    ['another audience', { audience: `${issuer}/directory` }, 401, 'token_audience'],
  ])('with an access token for %s, by the guard', async (_, by, status, code) => {
    const response = await rig.register(rig.node(), machine(), by);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ code });
  });

  it('without an access token, with the challenge of this server', async () => {
    const response = await rig.node().inject({ method: 'POST', url: '/register', payload: machine() });
    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toMatch(/^DPoP /);
  });

  it('if it cannot be recorded, leaving nothing behind', async () => {
    const app = rig.node();
    rig.audit.breakDown();
    const response = await rig.register(app, machine());
    rig.audit.repair();
    expect(refusalOf(response)).toEqual({ status: 503, error: 'temporarily_unavailable', reason: 'log_unavailable' });
    expect(rig.directory.documents.size).toBe(0);
    // The directory was not asked, so the principal is free at once.
    expect((await rig.register(app, machine())).statusCode).toBe(201);
  });
});

describe('the registration policy', () => {
  it('may forbid registration, or allow it only to some institutions', async () => {
    const app = rig.node({ default: { allowed: false }, institutions: { [clearing]: { allowed: true } } });
    expect(refusalOf(await rig.register(app, machine()))).toEqual({
      status: 403,
      error: 'access_denied',
      reason: 'registration_not_allowed',
    });
  });

  it.each([
    [{ profiles: ['oidc'] }, 'registration_profile', '/countersign_profile'],
    [{ grantTypes: ['authorization_code'] }, 'registration_grant', '/grant_types/0'],
    [{ scopes: ['order:read'] }, 'registration_scope', '/scope'],
  ])('bounds a registration by %j', async (rule, reason, path) => {
    const response = await rig.register(rig.node({ institutions: { [broker]: rule } }), machine());
    expect(refusalOf(response)).toMatchObject({ status: 400, reason, paths: [path] });
    expect((await rig.register(rig.node({ institutions: { [clearing]: rule } }), machine())).statusCode).toBe(201);
  });

  it.each(['directory:apply', 'key:rotate', 'client:register', 'token:revoke', 'audit:export', 'policy:approve'])(
    'does not let an institution grant %s by itself unless configured',
    async (scope) => {
      const metadata = machine({ scope });
      expect(refusalOf(await rig.register(rig.node(), metadata))).toMatchObject({ reason: 'registration_scope' });
      const told = rig.node({ institutions: { [broker]: { scopes: [scope] } } });
      expect((await rig.register(told, metadata)).statusCode).toBe(201);
    },
  );

  it('counts the current clients of an institution, not removed ones', async () => {
    const app = rig.node({ default: { maxClients: 1 } });
    const first = clientOf(await rig.register(app, machine()));
    const another = machine({ countersign_principal: 'agent:vwap-1' });
    expect(refusalOf(await rig.register(app, another))).toMatchObject({ status: 403, reason: 'registration_limit' });
    // Removed directly in the directory, without notifying this component.
    rig.directory.remove(first.client_id);
    expect((await rig.register(app, another)).statusCode).toBe(201);
  });

  it('holds the limit for simultaneous requests on different nodes', async () => {
    const principals = ['service:order-desk', 'service:trading-desk', 'agent:vwap-1'];
    const nodes = Array.from({ length: 6 }, () => rig.node({ default: { maxClients: 1 } }));
    // One connection for each; otherwise the first would finish before the second gets one.
    await Promise.all(nodes.map(() => rig.pool.query('select pg_sleep(0.1)')));
    const answers = await Promise.all(
      nodes.map((app, index) => rig.register(app, machine({ countersign_principal: principals[index % 3] }))),
    );
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    expect(rig.directory.documents.size).toBe(1);
  });

  it('is refused as a whole if one setting is wrong', () => {
    expect(() => rig.node({ default: { maxClients: -1 }, instituitions: {} })).toThrow(
      expect.objectContaining({
        code: 'configuration_invalid',
        detail: expect.stringMatching(/instituitions.*maxClients/),
      }),
    );
  });
});

describe('simultaneous registrations', () => {
  it('of one principal create one client among twenty attempts on two nodes', async () => {
    const nodes = [rig.node(), rig.node()] as const;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => rig.register(nodes[index % 2 === 0 ? 0 : 1], machine())),
    );
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ statusCode }) => statusCode !== 201))
      expect(refusalOf(answer)).toMatchObject({
        status: 400,
        error: 'invalid_client_metadata',
        reason: 'principal_shared',
      });
    expect(rig.directory.documents.size).toBe(1);
    const { rows } = await rig.pool.query('select client_id from client_registrations');
    expect(rows).toHaveLength(1);
  });

  it('are bounded per institution and leave no record beyond the bound', async () => {
    const app = rig.node(undefined, { perMinute: 3, waiting: 8 });
    for (let count = 0; count < 3; count++) await rig.register(app, machine({ client_secret: 'x' }));
    const from = mark();
    const response = await rig.register(app, machine());
    expect(refusalOf(response)).toEqual({ status: 429, error: 'too_many_requests', reason: 'registration_rate' });
    expect(response.headers['retry-after']).toBe('60');
    expect(recordsSince(from)).toEqual([]);
    const another = { subject: 'service:venue', client: 'venue-gateway', lei: venueLei() };
    const theirs = await rig.register(app, machine({ countersign_principal: 'service:venue' }), another);
    expect(theirs.statusCode).toBe(201);
    rig.clock.advance(120_000);
    expect((await rig.register(app, machine())).statusCode).toBe(201);
  });

  it('queue only in small numbers', async () => {
    const app = rig.node(undefined, { perMinute: 1_000, waiting: 2 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => rig.register(app, machine())));
    expect(answers.some(({ statusCode }) => statusCode === 429)).toBe(true);
    expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
  });

  function venueLei(): string {
    return rig.world.directory.snapshot().principal('service:venue')?.institution ?? '';
  }
});

describe('an interrupted registration', () => {
  it('between directory and database is rolled back by the next one, which frees the principal', async () => {
    const app = rig.node();
    // The connection that holds the reservation dies when the directory has recorded the change.
    rig.directory.afterNextRecord(() =>
      rig.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where usename = current_user and state = 'idle in transaction' and pid <> pg_backend_pid()`,
      ),
    );
    expect((await rig.register(app, machine())).statusCode).toBe(503);
    expect(rig.directory.documents.size).toBe(1);
    const [left] = rig.directory.documents.keys();

    // The registration may still be in progress, so it is not taken back yet.
    expect(refusalOf(await rig.register(app, machine()))).toMatchObject({ reason: 'principal_shared' });
    rig.clock.advance(61_000);
    const client = clientOf(await rig.register(app, machine()));
    expect([...rig.directory.documents.keys()]).toEqual([client.client_id]);
    expect(client.client_id).not.toBe(left);
  });
});
