import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { type ConfiguredDocuments, type ConfiguredExchange, outboundErrors } from '@countersign/contracts';
import { digestOf, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import {
  components,
  createTestAuthority,
  findComponent,
  freePort,
  testRowSeal,
  type WebBrowser,
} from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCertificateMethod } from '../../index.ts';
import { anna, ben } from '../../testing/people.ts';
import {
  createPeopleAuthority,
  type PeopleAuthority,
  type PeopleCertificate,
  personExtensions,
} from '../../testing/people-authority.ts';
import {
  begin,
  createSignInWorld,
  formOf,
  issuer as origin,
  returnTo,
  type SignInNode,
  type SignInWorld,
} from '../../testing/sign-in-world.ts';

const found = findComponent(components.openssl);
const logger = createLogger({ level: 'silent', name: 'test' });
const names = 'urn:example:certificates';
const hardware = '1.3.6.1.4.1.99999.1.1';
const software = '1.3.6.1.4.1.99999.1.2';
const hour = 3_600_000;

type Outside = Pick<ConfiguredExchange, 'exchange'> & ConfiguredDocuments;
const refuseOutbound = () => Promise.reject(outboundErrors.error('outbound_failed', 'Nothing is reachable.'));
/** Nothing is reachable unless a test provides it. */
const nowhere: Outside = { exchange: refuseOutbound, get: refuseOutbound };

describe.skipIf(!found.found)(`sign-in with a certificate${found.found ? '' : ` (skipped: ${found.reason})`}`, () => {
  let authority: PeopleAuthority;
  let world: SignInWorld;
  let ada: PeopleCertificate;
  const tls = createTestAuthority({ name: 'Servers' });
  const server = tls.issue({ subject: 'CN=127.0.0.1', sans: { ip: ['127.0.0.1'] } });
  const listeners: FastifyInstance[] = [];

  beforeAll(async () => {
    authority = createPeopleAuthority(found.found ? found.path : '');
    ada = authority.issue('ada');
    authority.list('root');
    authority.list('issuing');
    world = await createSignInWorld();
    // OpenSSL issues certificates that are valid from the real current time.
    world.clock.advance(Date.now() + 60_000 - world.clock.now());
    world.directory.knowAs(anna, names, 'ada@desk.example');
  });
  afterAll(async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
    await world?.close();
    authority?.remove();
  });

  /** A node, and a listener for mutual TLS beside it. */
  async function installation(config: object = {}, outbound = nowhere): Promise<SignInNode> {
    const port = await freePort();
    const certificate = createCertificateMethod({
      pool: world.database.pool('authentication'),
      audit: world.audit,
      directory: world.directory,
      clock: world.clock,
      random: systemRandom,
      logger,
      rowSeal: testRowSeal,
      outbound,
      origin,
      mutualTlsUrl: `https://127.0.0.1:${port}`,
      config: {
        roots: `file:${authority.file('root.pem')}`,
        intermediates: `file:${authority.file('issuing.pem')}`,
        people: { by: 'email', issuer: names },
        revocation: { lists: [{ file: authority.file('root.crl') }, { file: authority.file('issuing.crl') }] },
        ...config,
      },
    });
    const mutual = createHttpServer({
      logger,
      metrics: createMetrics(),
      clock: world.clock,
      tls: { certificate: server.certificatePem, key: server.privateKeyPem, clientCertificates: {} },
    });
    certificate.mutualTlsRoutes(mutual);
    listeners.push(mutual);
    await mutual.listen({ port, host: '127.0.0.1' });
    return world.node({ methods: ['certificate'] }, world.directory, { certificate });
  }

  /** Requests an address of the mutual TLS listener. @returns where it redirects the browser */
  function show(location: string, shown: PeopleCertificate | undefined): Promise<{ status: number; location: string }> {
    const own = shown === undefined ? {} : { cert: shown.certificate, key: shown.key };
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(location, { agent: false, ca: tls.certificatePem, ...own }, (answer) => {
        answer.resume();
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' });
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  /** Goes to the mutual TLS listener. */
  async function leave(node: SignInNode, browser: WebBrowser, need: object = { acrValues: [] }): Promise<string> {
    const path = await begin(node, { need: { acrValues: [], ...need } });
    const { headers } = await browser.post(path, await formOf(browser, path));
    return String(headers.location);
  }

  /** From the page to the end in one browser. @returns the last answer */
  async function signIn(node: SignInNode, shown: PeopleCertificate | undefined, browser = node.browser()) {
    const { location } = await show(await leave(node, browser), shown);
    return browser.get(location.replace(origin, ''));
  }

  const codeIn = (page: string) => /\((certificate_\w+|person_unknown)\)/.exec(page)?.[1];
  const lastRefusal = () => world.audit.ofType('certificate.refused').at(-1);

  it('signs in the person whom the directory knows by the certificate, and records its thumbprint', async () => {
    const node = await installation();
    const browser = node.browser();
    const answer = await signIn(node, ada, browser);
    expect(answer.statusCode).toBe(303);
    expect(answer.headers.location).toBe(returnTo);
    const signedIn = await node.authentication.current(browser.cookieHeader());
    expect(signedIn).toMatchObject({ person: anna.id, acr: 'phr', amr: ['pop', 'swk'] });
    expect(world.audit.ofType('session.started').at(-1)).toMatchObject({
      subject: { id: anna.id },
      authentication: { method: 'certificate', acr: 'phr' },
      data: { certificate: ada.thumbprint },
    });
  });

  it('takes intermediate authorities from the handshake if they are not configured', async () => {
    const node = await installation({ intermediates: `file:${authority.file('root.pem')}` });
    expect(codeIn((await signIn(node, ada)).body)).toBe('certificate_untrusted');
    const whole = { ...ada, certificate: ada.certificate + authority.pem('issuing') };
    expect((await signIn(node, whole)).statusCode).toBe(303);
  });

  it('has the hardware class if the certificate’s policy says so, and can require such a policy', async () => {
    const node = await installation({ policies: [software], hardwarePolicies: [hardware] });
    authority.below('issuing-policies', 'root', [
      'basicConstraints = critical, CA:true',
      'keyUsage = critical, keyCertSign, cRLSign',
      'certificatePolicies = 2.5.29.32.0',
    ]);
    const issue = (name: string, ...more: readonly string[]) =>
      authority.issue(name, {
        by: 'issuing-policies',
        extensions: personExtensions('email:ada@desk.example', ...more),
      });
    writeFileSync(
      authority.file('both.pem'),
      readFileSync(authority.file('issuing.pem'), 'utf8') +
        readFileSync(authority.file('issuing-policies.pem'), 'utf8'),
    );
    const withBoth = await installation({
      policies: [software],
      hardwarePolicies: [hardware],
      intermediates: `file:${authority.file('both.pem')}`,
      revocation: {
        lists: [{ file: authority.file('root.crl') }, { file: authority.list('issuing-policies') }],
      },
    });
    const card = issue('card', `certificatePolicies = ${hardware}`);
    const browser = withBoth.browser();
    expect((await signIn(withBoth, card, browser)).statusCode).toBe(303);
    expect(await withBoth.authentication.current(browser.cookieHeader())).toMatchObject({
      acr: 'phrh',
      amr: ['pop', 'hwk'],
    });

    const file = withBoth.browser();
    await signIn(withBoth, issue('software', `certificatePolicies = ${software}`), file);
    expect(await withBoth.authentication.current(file.cookieHeader())).toMatchObject({ acr: 'phr' });

    const none = await signIn(withBoth, issue('none'));
    expect([none.statusCode, codeIn(none.body)]).toEqual([403, 'certificate_policy']);
    expect(lastRefusal()).toMatchObject({ reason: 'certificate_policy', data: { why: 'policy_missing' } });
    // "Any policy" satisfies the required policy and says nothing about hardware.
    const any = withBoth.browser();
    await signIn(withBoth, issue('any', 'certificatePolicies = 2.5.29.32.0'), any);
    expect(await withBoth.authentication.current(any.cookieHeader())).toMatchObject({ acr: 'phr' });
    expect(codeIn((await signIn(node, ada)).body)).toBe('certificate_policy');
  });

  it('refuses an invalid certificate with a code and without a session', async () => {
    const node = await installation();
    const { extensions, ...chains } = {
      extensions: personExtensions('email:ada@desk.example'),
      without: (name: string) => personExtensions('email:ada@desk.example').filter((line) => !line.startsWith(name)),
    };
    authority.root('stranger');
    authority.below('narrow', 'root', [
      'basicConstraints = critical, CA:true',
      'keyUsage = critical, keyCertSign, cRLSign',
      'nameConstraints = critical, permitted;email:other.example',
    ]);
    const narrow = await installation({ intermediates: `file:${authority.file('narrow.pem')}` });
    const cases: readonly (readonly [code: string, shown: PeopleCertificate | undefined, on?: SignInNode])[] = [
      ['certificate_missing', undefined],
      ['certificate_untrusted', authority.issue('strange', { by: 'stranger', extensions })],
      ['certificate_untrusted', authority.issue('constrained', { by: 'narrow', extensions }), narrow],
      [
        'certificate_usage',
        authority.issue('server', {
          extensions: [...chains.without('extendedKeyUsage'), 'extendedKeyUsage = serverAuth'],
        }),
      ],
      [
        'certificate_usage',
        authority.issue('encipher', {
          extensions: [...chains.without('keyUsage'), 'keyUsage = critical, keyAgreement'],
        }),
      ],
      [
        'certificate_untrusted',
        authority.issue('misspelt', {
          // A mail address that is not ASCII.
          extensions: [...chains.without('subjectAltName'), 'subjectAltName = DER:30:0A:81:08:C3:A4:40:64:65:73:6B:2E'],
        }),
      ],
      ['person_unknown', authority.issue('nobody')],
    ];
    for (const [code, shown, on = node] of cases) {
      const browser = on.browser();
      const answer = await signIn(on, shown, browser);
      expect([answer.statusCode, codeIn(answer.body)], code).toEqual([403, code]);
      expect(await on.authentication.current(browser.cookieHeader()), code).toBeUndefined();
    }
    // A stranger can create any number of certificates; they do not fill the log.
    const recorded = world.audit.ofType('certificate.refused').map(({ data }) => data);
    for (const why of ['malformed', 'name_constrained', 'purpose_wrong', 'usage_wrong', 'person_none'])
      expect(recorded).toContainEqual({ why });
    expect(recorded).not.toContainEqual({ why: 'untrusted' });
  });

  it('refuses a certificate that names two people, and can identify people by thumbprint', async () => {
    const node = await installation();
    world.directory.knowAs(ben, names, 'ben@desk.example');
    const both = authority.issue('both', {
      extensions: personExtensions('email:ada@desk.example,email:ben@desk.example'),
    });
    expect(codeIn((await signIn(node, both)).body)).toBe('person_unknown');
    expect(lastRefusal()).toMatchObject({ data: { why: 'person_several' } });

    world.directory.knowAs(ben, names, both.thumbprint);
    const byThumbprint = await installation({ people: { by: 'thumbprint', issuer: names } });
    const browser = byThumbprint.browser();
    await signIn(byThumbprint, both, browser);
    expect(await byThumbprint.authentication.current(browser.cookieHeader())).toMatchObject({ person: ben.id });

    const card = authority.issue('upn', {
      extensions: personExtensions('otherName:1.3.6.1.4.1.311.20.2.3;UTF8:ben@desk.example'),
    });
    const byUpn = await installation({ people: { by: 'upn', issuer: names } });
    const other = byUpn.browser();
    await signIn(byUpn, card, other);
    expect(await byUpn.authentication.current(other.cookieHeader())).toMatchObject({ person: ben.id });
  });

  it('refuses an expired certificate, and a revoked one, including a revoked authority', async () => {
    const node = await installation();
    const gone = authority.issue('gone', { extensions: personExtensions('email:ada@desk.example') });
    expect((await signIn(node, gone)).statusCode).toBe(303);
    authority.revoke('gone');
    authority.list('issuing');
    // The file is read again after a minute.
    world.clock.advance(61_000);
    const answer = await signIn(node, gone);
    expect(codeIn(answer.body)).toBe('certificate_revoked');
    expect(lastRefusal()).toMatchObject({ certificate: { thumbprint: gone.thumbprint }, data: { why: 'revoked' } });
    expect(world.audit.ofType('session.refused').at(-1)).toMatchObject({
      subject: { id: anna.id },
      reason: 'certificate_revoked',
    });
    expect((await signIn(node, ada)).statusCode).toBe(303);

    const brief = await installation({ revocation: { mode: 'when-known' } });
    world.clock.advance(31 * 24 * hour);
    expect(codeIn((await signIn(brief, ada)).body)).toBe('certificate_expired');
    world.clock.advance(-31 * 24 * hour);

    authority.below('lost', 'root');
    const below = authority.issue('below', { by: 'lost', extensions: personExtensions('email:ada@desk.example') });
    authority.revoke('lost', 'root');
    const lost = await installation({
      intermediates: `file:${authority.file('lost.pem')}`,
      revocation: { lists: [{ file: authority.list('root') }, { file: authority.list('lost') }] },
    });
    expect(codeIn((await signIn(lost, below)).body)).toBe('certificate_revoked');
  });

  it('lets nobody in without a recent revocation status, unless configured to', async () => {
    const node = await installation();
    expect((await signIn(node, ada)).statusCode).toBe(303);
    world.clock.advance(25 * hour);
    const late = await signIn(node, ada);
    expect([late.statusCode, codeIn(late.body)]).toEqual([403, 'certificate_status_unknown']);
    const lenient = await installation({ revocation: { mode: 'when-known' } });
    expect((await signIn(lenient, ada)).statusCode).toBe(303);
    world.clock.advance(-25 * hour);
    const unreachable = await installation({ revocation: { lists: [{ url: 'http://lists.example/issuing.crl' }] } });
    expect(codeIn((await signIn(unreachable, ada)).body)).toBe('certificate_status_unknown');
    await expect(installation({ revocation: {} })).rejects.toMatchObject({ code: 'configuration_invalid' });
  });

  it('never replaces a newer list with an older one, and ignores a list of another issuer', async () => {
    const node = await installation({
      revocation: {
        lists: [{ file: authority.file('root.crl') }, { file: authority.file('replaced.crl') }],
      },
    });
    const copy = (name: string) => writeFileSync(authority.file('replaced.crl'), readFileSync(authority.file(name)));
    authority.list('issuing');
    writeFileSync(authority.file('older.crl'), readFileSync(authority.file('issuing.crl')));
    const victim = authority.issue('victim', { extensions: personExtensions('email:ada@desk.example') });
    authority.revoke('victim');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    authority.list('issuing');
    copy('issuing.crl');
    expect(codeIn((await signIn(node, victim)).body)).toBe('certificate_revoked');
    copy('older.crl');
    world.clock.advance(61_000);
    expect(codeIn((await signIn(node, victim)).body)).toBe('certificate_revoked');

    authority.root('stranger-2');
    authority.list('stranger-2');
    const foreign = await installation({
      revocation: { lists: [{ file: authority.file('root.crl') }, { file: authority.file('stranger-2.crl') }] },
    });
    expect(codeIn((await signIn(foreign, ada)).body)).toBe('certificate_status_unknown');
  });

  it('accepts the list of a distribution point only for certificates that name this point', async () => {
    const point = 'http://lists.example/a.crl';
    const inPoint = (name: string) =>
      authority.issue(name, {
        extensions: personExtensions('email:ada@desk.example', `crlDistributionPoints = URI:${point}`),
      });
    const [good, gone] = [inPoint('point-good'), inPoint('point-gone')];
    authority.revoke('point-gone');
    const nodeWith = (list: string) =>
      installation({ revocation: { lists: [{ file: authority.file('root.crl') }, { file: list }] } });
    const node = await nodeWith(authority.listOfPoint(point, 'point-a'));
    expect((await signIn(node, good)).statusCode).toBe(303);
    expect(codeIn((await signIn(node, gone)).body)).toBe('certificate_revoked');
    // A certificate that names no point is not covered.
    expect(codeIn((await signIn(node, ada)).body)).toBe('certificate_status_unknown');
    const swapped = await nodeWith(authority.listOfPoint('http://lists.example/b.crl', 'point-b'));
    for (const certificate of [good, gone])
      expect(codeIn((await signIn(swapped, certificate)).body)).toBe('certificate_status_unknown');
  });

  it('accepts a certificate marked as having no revocation only if it is short-lived', async () => {
    const node = await installation({ revocation: { lists: [{ file: authority.file('root.crl') }] } });
    const withoutRevocation = (name: string, days: number, ...more: readonly string[]) =>
      authority.issue(name, {
        days,
        extensions: personExtensions('email:ada@desk.example', '2.5.29.56 = DER:0500', ...more),
      });
    expect((await signIn(node, withoutRevocation('short', 2))).statusCode).toBe(303);
    expect(codeIn((await signIn(node, withoutRevocation('long', 30))).body)).toBe('certificate_status_unknown');
    const contradictory = withoutRevocation('both', 2, 'crlDistributionPoints = URI:http://lists.example/a.crl');
    expect(codeIn((await signIn(node, contradictory)).body)).toBe('certificate_untrusted');
  });

  it('asks an OCSP responder if no list covers the certificate: OpenSSL answers', async () => {
    const asked: string[] = [];
    const outside: Outside = {
      ...nowhere,
      get: async () => readFileSync(authority.file('root.crl')),
      exchange: async (url, { contentType, body }) => {
        asked.push(`${url} ${contentType}`);
        const answer = authority.respond(Buffer.from(body), 'issuing', ['ada']);
        return { status: 200, contentType: 'application/ocsp-response', body: Buffer.from(answer) };
      },
    };
    const revocation = { lists: [{ url: 'http://lists.example/root.crl' }], responder: 'http://ocsp.example/' };
    const node = await installation({ revocation }, outside);
    expect((await signIn(node, ada)).statusCode).toBe(303);
    expect(asked).toEqual(['http://ocsp.example/ application/ocsp-request']);
    const gone = authority.issue('gone-too', { extensions: personExtensions('email:ada@desk.example') });
    // The responder reports that it does not know the certificate.
    expect(codeIn((await signIn(node, gone)).body)).toBe('certificate_status_unknown');
    authority.revoke('gone-too');
    expect(codeIn((await signIn(node, gone)).body)).toBe('certificate_revoked');
  });

  it('works only in the browser that started the sign-in, once, and before it expires', async () => {
    const node = await installation();
    const attacker = node.browser();
    const ticket = await leave(node, attacker);
    // A victim is sent a link with another person's ticket and presents a certificate.
    const { location } = await show(ticket, ada);
    const victim = node.browser();
    const stolen = await victim.get(location.replace(origin, ''));
    expect([stolen.statusCode, victim.cookies.size]).toEqual([403, 0]);
    expect(stolen.body).toContain('sign_in_forged');
    // The sender of the link lacks the answer that the other browser received, and a ticket works once.
    expect(await show(ticket, ada)).toMatchObject({ status: 404 });
    expect((await attacker.get(location.replace(origin, ''))).statusCode).toBe(404);
    expect(await node.authentication.current(attacker.cookieHeader())).toBeUndefined();

    const browser = node.browser();
    const slow = await leave(node, browser);
    world.clock.advance(301_000);
    expect(await show(slow, ada)).toMatchObject({ status: 404 });
    world.clock.advance(-301_000);
    const back = await show(await leave(node, browser), ada);
    world.clock.advance(61_000);
    expect((await browser.get(back.location.replace(origin, ''))).statusCode).toBe(404);
    world.clock.advance(-61_000);
  });

  it('is not offered for intents, which its handshake cannot include', async () => {
    const node = await installation();
    const path = await begin(node, { need: { acrValues: [], intents: [digestOf({ order: 1 })], tier: 'order-entry' } });
    const { statusCode, body } = await node.browser().get(path);
    expect([statusCode, body.includes('method_not_available')]).toEqual([403, true]);
  });

  it('is shown in German on request', async () => {
    const node = await installation();
    const browser = node.browser();
    const { location } = await show(await leave(node, browser), undefined);
    const { body } = await browser.get(location.replace(origin, ''), { 'accept-language': 'de-CH, en;q=0.5' });
    expect(body).toContain('Ihr Browser hat kein Zertifikat vorgelegt.');
  });
});
