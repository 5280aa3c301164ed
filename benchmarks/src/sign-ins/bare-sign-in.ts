import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import { parsePrincipalId } from '@countersign/contracts';
import { ceremonyAttributes, createHttpServer, createMetrics, html, type Logger, readForm } from '@countersign/runtime';
import { type AuthenticationResponse, createSoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { type VerifyAuthenticationResponseOpts, verifyAuthenticationResponse } from '@simplewebauthn/server';
import type pg from 'pg';
import { timed } from '../in-process-work.ts';
import type { Contender } from '../measure.ts';
import type { Pace } from '../pace.ts';
import type { Stoppable } from '../starter.ts';
import type { KeyHolder, SignInServer } from './sign-in-steps.ts';

/** A holder of an unregistered key, with its public key. */
export interface BareHolder extends KeyHolder {
  readonly jwk: Readonly<Record<string, string>>;
}

export function bareHolders(origin: string, count: number): readonly BareHolder[] {
  return Array.from({ length: count }, (_, number) => {
    const person = parsePrincipalId(`person:bare-${number}`);
    if (person === undefined) throw new Error('no principal id');
    const key = createSoftwareAuthenticator({ origin, attestation: 'none' });
    const user = { id: Buffer.from(person).toString('base64url') };
    key.create({ challenge: challenge(), rp: { id: new URL(origin).hostname }, user });
    const { jwk } = key.sign({ typ: 'benchmark', iss: person, iat: 0, exp: 0, jti: 'none' });
    return { person, key, jwk: { ...jwk } };
  });
}

export function challenge(): string {
  return randomBytes(32).toString('base64url');
}

/** Verifies only the signature of an assertion (WebAuthn Level 3 section 7.2). */
export function verifiesBarely({ response }: AuthenticationResponse, key: KeyObject): boolean {
  const clientData = Buffer.from(response.clientDataJSON, 'base64url');
  const signed = Buffer.concat([
    Buffer.from(response.authenticatorData, 'base64url'),
    createHash('sha256').update(clientData).digest(),
  ]);
  return verify('sha256', signed, key, Buffer.from(response.signature, 'base64url'));
}

export function bareKey({ jwk }: BareHolder): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

/** As large as the record of a new session. */
const row = Buffer.alloc(600, 'x');
/** Shared by all floors of a run, which share a table. */
let place = 0;

export async function insertRow(pool: pg.Pool): Promise<void> {
  await pool.query({
    name: 'floor-row',
    text: 'insert into floor_rows (place, bytes) values ($1, $2)',
    values: [place++, row],
  });
}

/**
 * The floor of a sign-in: our own HTTP server with a page with one form, one signature verified with a key in memory, one
 * durable row, one cookie. It checks neither challenge nor origin nor counter, and has no sessions. Do not copy it.
 */
export async function startBareSignIn(
  { pool, logger }: { readonly pool: pg.Pool; readonly logger: Logger },
  holders: readonly BareHolder[],
  origin: string,
): Promise<{ readonly server: SignInServer } & Stoppable> {
  const keys = new Map(holders.map((holder) => [holder.key.save()[0]?.credentialId, bareKey(holder)]));
  const rpId = new URL(origin).hostname;
  const app = createHttpServer({ logger, metrics: createMetrics() });
  app.get('/sign-in', async (_request, reply) => {
    const options = { challenge: challenge(), rpId, allowCredentials: [], userVerification: 'required' };
    const page = html`<!doctype html><title>Sign in</title><form method="post" action="/sign-in"${ceremonyAttributes('get', options)}><button name="action" value="sign-in">Sign in</button></form>`;
    return reply.type('text/html; charset=utf-8').send(String(page));
  });
  app.post('/sign-in', async (request, reply) => {
    const credential = JSON.parse(readForm(request.body).get('credential') ?? '{}') as AuthenticationResponse;
    const key = keys.get(credential.id);
    if (key === undefined || !verifiesBarely(credential, key)) return reply.code(403).send('no');
    await insertRow(pool);
    return reply.header('set-cookie', `countersign-session=${challenge()}; HttpOnly`).redirect('/', 303);
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { server: { name: bareName, url, begin: async () => '/sign-in' }, stop: () => app.close() };
}

export const bareName = 'floor: HTTP, a verification, a durable row';

/**
 * The cost of verifying one assertion by a single caller: by `node:crypto`, and by `verifyAuthenticationResponse` of
 * @simplewebauthn/server with all checks of that library.
 */
export function verifiers(
  holder: BareHolder,
  origin: string,
  pace: Pick<Pace, 'warmUpSeconds'>,
): readonly [floor: Contender, peer: Contender] {
  const { key, jwk } = holder;
  const expectedChallenge = challenge();
  const rpId = new URL(origin).hostname;
  const assertion = key.get({ challenge: expectedChallenge, rpId, allowCredentials: [] });
  const kept = bareKey(holder);
  const asked: VerifyAuthenticationResponseOpts = {
    response: responseOf(assertion),
    expectedChallenge,
    expectedOrigin: origin,
    expectedRPID: rpId,
    credential: { id: assertion.id, publicKey: coseOf(jwk), counter: 0 },
  };
  return [
    timed('floor: the signature alone, node:crypto', pace, () => {
      if (!verifiesBarely(assertion, kept)) throw new Error('a signature that does not verify');
    }),
    timed('peer: @simplewebauthn/server alone', pace, async () => {
      if (!(await verifyAuthenticationResponse(asked)).verified) throw new Error('the peer refuses an assertion');
    }),
  ];
}

function responseOf({ id, response }: AuthenticationResponse): VerifyAuthenticationResponseOpts['response'] {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
}

/** An ES256 key as COSE has it (RFC 9053 section 7.1.1): {1: 2, 3: -7, -1: 1, -2: x, -3: y}. */
function coseOf({ x = '', y = '' }: BareHolder['jwk']): Uint8Array<ArrayBuffer> {
  const parts = [
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ];
  return Uint8Array.from(Buffer.concat(parts));
}
