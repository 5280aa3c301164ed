import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { components, findComponent, freePort } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Apache, startApache } from './testing/apache.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { personBrowser } from './testing/person-browser.ts';
import { createCertificates, registerRelyingParties, withMutualTls } from './testing/relying-parties.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { openTrading, type Trading } from './testing/trading.ts';

// An unmodified relying party that knows nothing of us: Debian's mod_auth_openidc in front of a page. It authenticates by its
// certificate, because its private_key_jwt signs with RS256, which is not accepted here.

const apacheFound = findComponent(components.apache);
const moduleFound = findComponent(components.modAuthOpenidc);
const missing = [apacheFound, moduleFound].flatMap((each) => (each.found ? [] : [each.reason]));

describe.skipIf(missing.length > 0)(`mod_auth_openidc ${missing.join('; ')}`.trim(), () => {
  const folder = scratchFolder();
  const site = scratchFolder();
  const certificates = createCertificates();
  let controlPlane: RunningControlPlane;
  let trading: Trading;
  let apache: Apache;

  beforeAll(async () => {
    const configuration = await withMutualTls(await configurationIn(folder.path), certificates);
    controlPlane = await runControlPlane(configuration);
    trading = await openTrading(controlPlane);
    const port = await freePort();
    const apacheOrigin = `http://127.0.0.1:${port}`;
    const redirectUri = `${apacheOrigin}/protected/callback`;
    await registerRelyingParties(controlPlane, trading, certificates, {
      intranet: {
        kind: 'human',
        profile: 'oidc',
        binding: 'none',
        grant_types: ['authorization_code'],
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_san_dns: 'intranet.example',
        scopes: ['openid'],
        audiences: [`${controlPlane.issuer}/userinfo`],
        redirect_uris: [redirectUri],
      },
    });
    const own = certificates.authority.issue({ subject: 'CN=intranet', sans: { dns: ['intranet.example'] } });
    const file = (name: string, content: string): string => {
      writeFileSync(join(site.path, name), content, { mode: 0o644 });
      return join(site.path, name);
    };
    const published = (await (
      await fetch(`${controlPlane.issuer}/.well-known/openid-configuration`)
    ).json()) as Readonly<Record<string, unknown>>;
    const { issuer, authorization_endpoint, userinfo_endpoint, jwks_uri, end_session_endpoint } = published;
    mkdirSync(join(site.path, 'site'));
    file(
      'site/provider.json',
      JSON.stringify({
        issuer,
        authorization_endpoint,
        userinfo_endpoint,
        jwks_uri,
        end_session_endpoint,
        token_endpoint: `${configuration.mutualTls?.baseUrl}/token`,
      }),
    );
    apache = await startApache({
      folder: site.path,
      port,
      directives: [
        // It accepts plain http, as on loopback here, only from metadata; and it refuses metadata without a client
        // authentication method that it knows, so it gets only the members it needs.
        `OIDCProviderMetadataURL ${apacheOrigin}/provider.json`,
        // RFC 8705 section 2: the certificate is the authentication, and the form holds the client_id.
        'OIDCProviderTokenEndpointAuth none',
        `OIDCClientTokenEndpointCert ${file('client.pem', own.certificatePem)}`,
        `OIDCClientTokenEndpointKey ${file('client.key', own.privateKeyPem)}`,
        `OIDCCABundlePath ${file('authority.pem', certificates.authority.certificatePem)}`,
        'OIDCClientID intranet',
        `OIDCRedirectURI ${redirectUri}`,
        'OIDCScope openid',
        'OIDCPKCEMethod S256',
        'OIDCResponseType code',
        'OIDCCryptoPassphrase only-for-the-cookies-of-this-test',
        '<Location /protected>',
        '  AuthType openid-connect',
        '  Require valid-user',
        '  Header set X-Remote-User "expr=%{REMOTE_USER}"',
        '</Location>',
      ],
    });
  }, 120_000);
  afterAll(async () => {
    await apache?.stop();
    await trading?.stop();
    await controlPlane?.stop();
    folder.remove();
    site.remove();
  });

  it('admits a person who signed in here, and knows who it is', async () => {
    const visitor = personBrowser(apache.origin);
    const redirected = await visitor.open(`${apache.origin}/protected/`);
    expect(redirected.leaves?.origin).toBe(controlPlane.issuer);
    const back = await personBrowser(controlPlane.issuer).authorize(redirected.leaves ?? '', {
      person: 'person:bernd.vogt',
    });
    expect(back.origin).toBe(apache.origin);
    const page = await visitor.open(back);
    expect(page).toMatchObject({ status: 200, body: 'only for people who signed in' });
    expect(page.headers.get('x-remote-user')).toContain('person:bernd.vogt');
  });

  it('admits nobody who refused, and nobody with a response meant for another browser', async () => {
    const visitor = personBrowser(apache.origin);
    const redirected = await visitor.open(`${apache.origin}/protected/`);
    const refused = await personBrowser(controlPlane.issuer).authorize(redirected.leaves ?? '', {
      person: 'person:dana.quant',
      decision: 'refuse',
    });
    expect(refused.searchParams.get('error')).toBe('access_denied');
    expect((await visitor.open(refused)).body).not.toContain('only for people');

    const again = await visitor.open(`${apache.origin}/protected/`);
    const answer = await personBrowser(controlPlane.issuer).authorize(again.leaves ?? '', {
      person: 'person:dana.quant',
    });
    expect((await personBrowser(apache.origin).open(answer)).body).not.toContain('only for people');
  });
});
