import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fastify from 'fastify';
import { compactVerify, exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';

/** The arranger's own OpenID provider. It knows its people; the control plane does not. */
interface ProviderConfiguration {
  readonly port: number;
  /** Issuer of the control plane, the audience of assertions. */
  readonly controlPlane: string;
  /** OpenID client of the arranger's order system. */
  readonly clientId: string;
  readonly clientJwk: JWK;
  readonly redirectUri: string;
  /** People with the key they sign in with, by subject. */
  readonly people: Readonly<Record<string, { readonly jwk: JWK; readonly acr: string }>>;
}

const configuration = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProviderConfiguration;
const issuer = `http://127.0.0.1:${configuration.port}`;
const { publicKey, privateKey } = await generateKeyPair('ES256');
const kid = randomBytes(8).toString('hex');
const app = fastify({ bodyLimit: 65_536 });
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, Object.fromEntries(new URLSearchParams(String(body)))),
);

interface SignIn {
  readonly subject: string;
  readonly codeChallenge: string;
  readonly nonce: string;
  readonly authTime: number;
  readonly acr: string;
}
const challenges = new Map<string, { codeChallenge: string; nonce: string; state: string }>();
const codes = new Map<string, SignIn>();
const now = (): number => Math.floor(Date.now() / 1000);
const fresh = (): string => randomBytes(16).toString('base64url');

app.get('/.well-known/openid-configuration', async () => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['private_key_jwt'],
}));

app.get('/jwks', async () => ({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] }));

app.get('/authorize', async (request, reply) => {
  const query = request.query as Record<string, string>;
  const {
    client_id: client,
    redirect_uri: redirectUri,
    response_type: type,
    code_challenge: codeChallenge,
    nonce,
    state,
  } = query;
  if (
    client !== configuration.clientId ||
    redirectUri !== configuration.redirectUri ||
    type !== 'code' ||
    !codeChallenge ||
    !nonce ||
    !state
  )
    return reply.status(400).send({ error: 'invalid_request' });
  const challenge = fresh();
  challenges.set(challenge, { codeChallenge, nonce, state });
  // A page would ask for a security key here; the key signs this challenge.
  return { challenge, sign_in: `${issuer}/sign-in` };
});

app.post('/sign-in', async (request, reply) => {
  const { subject, proof } = request.body as { subject: string; proof: string };
  const person = configuration.people[subject];
  if (person === undefined) return reply.status(401).send({ error: 'sign_in_failed' });
  const { payload } = await compactVerify(proof, await importJWK(person.jwk, 'ES256'));
  const challenge = new TextDecoder().decode(payload);
  const pending = challenges.get(challenge);
  if (pending === undefined) return reply.status(401).send({ error: 'sign_in_failed' });
  challenges.delete(challenge);
  const code = fresh();
  codes.set(code, {
    subject,
    codeChallenge: pending.codeChallenge,
    nonce: pending.nonce,
    authTime: now(),
    acr: person.acr,
  });
  return reply.redirect(
    `${configuration.redirectUri}?${new URLSearchParams({ code, state: pending.state, iss: issuer }).toString()}`,
    303,
  );
});

app.post('/token', async (request, reply) => {
  const form = request.body as Record<string, string>;
  await jwtVerify(form['client_assertion'] ?? '', await importJWK(configuration.clientJwk, 'ES256'), {
    audience: issuer,
    issuer: configuration.clientId,
    subject: configuration.clientId,
  });
  if (form['grant_type'] === 'authorization_code') {
    const signIn = codes.get(form['code'] ?? '');
    codes.delete(form['code'] ?? '');
    const verifier = createHash('sha256')
      .update(form['code_verifier'] ?? '')
      .digest('base64url');
    if (signIn === undefined || verifier !== signIn.codeChallenge)
      return reply.status(400).send({ error: 'invalid_grant' });
    const idToken = await sign(
      { nonce: signIn.nonce, ...assurance(signIn) },
      signIn.subject,
      configuration.clientId,
      300,
    );
    return { token_type: 'Bearer', access_token: fresh(), expires_in: 60, id_token: idToken };
  }
  if (form['grant_type'] === 'urn:ietf:params:oauth:grant-type:token-exchange') {
    // First hop of identity chaining: the ID token becomes an assertion that only the control plane accepts.
    const { payload } = await jwtVerify(form['subject_token'] ?? '', publicKey, {
      issuer,
      audience: configuration.clientId,
    });
    const { auth_time: authTime, acr } = payload;
    if (form['audience'] !== configuration.controlPlane || typeof authTime !== 'number' || typeof acr !== 'string')
      return reply.status(400).send({ error: 'invalid_target' });
    const assertion = await sign(assurance({ authTime, acr }), payload.sub ?? '', configuration.controlPlane, 120);
    return {
      access_token: assertion,
      issued_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_type: 'N_A',
      expires_in: 120,
    };
  }
  return reply.status(400).send({ error: 'unsupported_grant_type' });
});

app.setErrorHandler((_error, _request, reply) => reply.status(400).send({ error: 'invalid_request' }));

/** `phr`: phishing-resistant (OpenID EAP ACR values); `hwk`: proof of possession of a hardware key (RFC 8176). */
function assurance({ authTime, acr }: Pick<SignIn, 'authTime' | 'acr'>) {
  return { acr, amr: acr === 'phr' ? ['hwk', 'user'] : ['pwd'], auth_time: authTime };
}

function sign(
  claims: Record<string, unknown>,
  subject: string,
  audience: string,
  lifeSeconds: number,
): Promise<string> {
  return new SignJWT({ ...claims, jti: fresh() })
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(now() + lifeSeconds)
    .sign(privateKey);
}

await app.listen({ host: '127.0.0.1', port: configuration.port });
process.stdout.write('ready\n');
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
process.once('disconnect', () => process.exit(0));
