import { createHash } from 'node:crypto';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { fixedClock } from '@countersign/testkit';
import fc from 'fast-check';
import { httpbis } from 'http-message-signatures';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { createEventReader, createEventVerifier, eventErrors, type ReceivedRequest } from './events.ts';
import { generateSigningKey } from './keys.ts';
import { type SmallIssuer, startSmallIssuer } from './testing/small-issuer.ts';

const from = { clock: systemClock, random: systemRandom };
const url = 'https://consumer.example/hooks/countersign?tenant=1';
const components = ['@method', '@target-uri', 'content-digest', 'content-type'];

let issuer: SmallIssuer;
const key = generateSigningKey();
beforeAll(async () => {
  issuer = await startSmallIssuer();
  issuer.keys.set('/events/keys', [key]);
});
afterAll(() => issuer.close());

const event = (change: object = {}) => ({
  specversion: '1.0',
  id: newId('record', from),
  source: 'countersign.example/log',
  type: 'countersign.mandate.revoked',
  subject: newId('mandate', from),
  time: '2026-11-21T10:00:00.000Z',
  datacontenttype: 'application/json',
  sequence: '00000000000000000042',
  data: { version: 3 },
  ...change,
});

describe('an event sent to us', () => {
  const clock = fixedClock(Date.now());
  const verifier = () => createEventVerifier({ issuer: issuer.url, url, clock });

  interface Signing {
    readonly method?: string;
    readonly target?: string;
    readonly contentType?: string;
    readonly fields?: string[];
    readonly created?: Date;
    readonly expires?: Date;
    readonly alg?: string;
    readonly by?: typeof key;
  }
  /** Signed by an independent implementation of RFC 9421. */
  async function sent(body: unknown, signing: Signing = {}): Promise<ReceivedRequest> {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const by = signing.by ?? key;
    const alg = signing.alg ?? 'ecdsa-p256-sha256';
    const signed = await httpbis.signMessage(
      {
        key: { id: by.kid, alg, sign: async (input) => Buffer.from(by.sign(input)) },
        name: 'countersign',
        fields: signing.fields ?? components,
        params: ['created', 'keyid', 'alg', ...(signing.expires === undefined ? [] : ['expires'])],
        paramValues: {
          created: signing.created ?? new Date(clock.now()),
          ...(signing.expires === undefined ? {} : { expires: signing.expires }),
        },
      },
      {
        method: signing.method ?? 'POST',
        url: signing.target ?? url,
        headers: {
          'content-type': signing.contentType ?? 'application/cloudevents+json',
          'content-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
        },
      },
    );
    const headers = Object.fromEntries(
      Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return { method: signed.method, headers, body: bytes };
  }
  const with_ = (request: ReceivedRequest, headers: ReceivedRequest['headers']): ReceivedRequest => ({
    ...request,
    headers: { ...request.headers, ...headers },
  });

  it('is accepted if the control plane signed it', async () => {
    const told = event();
    const { specversion: _version, datacontenttype: _type, ...read } = told;
    expect(await verifier().verify(await sent(told))).toEqual(read);
  });

  it('is accepted for any spelling of its subscribed address', async () => {
    const request = await sent(event(), { target: 'https://consumer.example/hooks/a%20b' });
    const written = createEventVerifier({ issuer: issuer.url, url: 'https://CONSUMER.example:443/hooks/a b', clock });
    expect(await written.verify(request)).toMatchObject({ data: { version: 3 } });
  });

  it('may hold unknown attributes', async () => {
    expect(await verifier().verify(await sent(event({ traceparent: '00-1-2-3' })))).toMatchObject({
      type: 'countersign.mandate.revoked',
    });
  });

  it.each<[string, Signing, string]>([
    ['for another address', { target: 'https://other.example/hooks' }, 'event_signature'],
    ['as another method', { method: 'PUT' }, 'event_malformed'],
    ['over less than all of it', { fields: ['@method', '@target-uri', 'content-type'] }, 'event_signature'],
    [
      'over one part twice in the place of another',
      { fields: ['@method', '@method', 'content-digest', 'content-type'] },
      'event_signature',
    ],
    ['as another algorithm', { alg: 'hmac-sha256' }, 'event_signature'],
    ['by a stranger', { by: generateSigningKey() }, 'event_key_unknown'],
    ['too long ago', { created: new Date(clock.now() - 301_000) }, 'event_stale'],
    ['ahead of time', { created: new Date(clock.now() + 302_000) }, 'event_stale'],
    ['until a moment ago', { expires: new Date(clock.now() - 1_000) }, 'event_stale'],
    ['as something else', { contentType: 'application/json' }, 'event_malformed'],
  ])('is refused if it was signed %s', async (_, signing, code) => {
    await expect(verifier().verify(await sent(event(), signing))).rejects.toMatchObject({ code });
  });

  it('is refused after any change in transit', async () => {
    const request = await sent(event());
    const body = Buffer.from(request.body.toString().replace('"version":3', '"version":4'));
    const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
    const checks = verifier();
    const refused = (changed: ReceivedRequest, code = 'event_signature') =>
      expect(checks.verify(changed)).rejects.toMatchObject({ code });
    await refused({ ...request, body });
    await refused(with_({ ...request, body }, { 'content-digest': digest }));
    await refused(with_(request, { 'content-type': 'application/cloudevents+json; charset=utf-8' }));
    await refused(with_(request, { signature: undefined }));
    await refused(with_(request, { 'signature-input': undefined }));
    const input = request.headers['signature-input'];
    await refused(with_(request, { 'signature-input': [String(input), String(input)] }));
    await refused(with_(request, { 'signature-input': String(input).replace(';alg="ecdsa-p256-sha256"', '') }));
    await refused(with_(request, { 'signature-input': String(input).replace(/created=\d+/, 'created=1;created=2') }));
    await refused(with_(request, { 'signature-input': `${input}, other=("@method");created=1;keyid="x"` }));
    expect(await checks.verify(request)).toMatchObject({ data: { version: 3 } });
  });

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', [event()]],
    ['a member twice', JSON.stringify(event()).replace('{', '{"id":"rec_1",')],
    ['another version', event({ specversion: '0.3' })],
    ['an id that is not a record', event({ id: 'x' })],
    ['an event type of another source', event({ type: 'com.other.thing' })],
    ['a place that does not sort', event({ sequence: '42' })],
    ['no time', event({ time: 'soon' })],
    ['no subject', event({ subject: undefined })],
  ])('is refused if it holds %s, even with a valid signature', async (_, body) => {
    await expect(verifier().verify(await sent(body))).rejects.toMatchObject({ code: 'event_malformed' });
  });

  it('is refused with a registered code, whatever its fields hold', async () => {
    const request = await sent(event());
    const checks = verifier();
    const names = ['signature', 'signature-input', 'content-digest', 'content-type'];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.string({ unit: 'binary', maxLength: 80 }),
        fc.nat(),
        async (name, text, at) => {
          const whole = String(request.headers[name]);
          const cut = at % whole.length;
          const changed = with_(request, { [name]: whole.slice(0, cut) + text + whole.slice(cut + text.length) });
          if (changed.headers[name] === whole) return;
          const refusal = await checks.verify(changed).then(
            () => undefined,
            (error: unknown) => error,
          );
          // White space around a field is not part of it (RFC 9110 section 5.5).
          if (refusal === undefined) expect(String(changed.headers[name]).trim()).toBe(whole);
          else expect(Object.keys(eventErrors.codes)).toContain((refusal as { code?: string }).code);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('polled events', () => {
  const client = () => createClient({ issuer: issuer.url, clientId: 'consumer', key: generateSigningKey() });
  const position = (number: number) => String(number).padStart(20, '0');

  it('continue from their position, and a page that could not be fetched is not lost', async () => {
    const reader = createEventReader({
      issuer: issuer.url,
      client: client(),
      after: position(7),
      topics: ['mandate', 'transaction'],
      limit: 2,
    });
    const page = {
      events: [event({ sequence: position(9) }), event({ sequence: position(12) })],
      position: position(12),
    };
    issuer.answers.set('GET /events', { status: 503, body: { code: 'database_unavailable' } });
    await expect(reader.next()).rejects.toMatchObject({ code: 'database_unavailable' });
    issuer.answers.set('GET /events', { status: 200, body: page });
    expect((await reader.next()).events.map(({ sequence }) => sequence)).toEqual([position(9), position(12)]);
    issuer.answers.set('GET /events', { status: 200, body: { events: [], position: position(30) } });
    expect(await reader.next()).toEqual({ events: [], position: position(30) });
    await reader.next();
    const asked = issuer.seen.map(({ url: seen }) => new URL(seen, issuer.url).searchParams);
    expect(asked.map((query) => query.get('after'))).toEqual([7, 7, 12, 30].map(position));
    expect(asked[0]?.get('topics')).toBe('mandate,transaction');
    expect(asked[0]?.get('limit')).toBe('2');
  });

  it('do not continue past an unreadable one', async () => {
    const reader = createEventReader({ issuer: issuer.url, client: client() });
    issuer.answers.set('GET /events', { status: 200, body: { events: [event(), { id: 'x' }], position: position(9) } });
    await expect(reader.next()).rejects.toMatchObject({ code: 'event_malformed' });
    await expect(reader.next()).rejects.toMatchObject({ code: 'event_malformed' });
    const asked = issuer.seen.slice(-2).map(({ url: seen }) => new URL(seen, issuer.url).searchParams.get('after'));
    expect(asked).toEqual([null, null]);
  });
});
