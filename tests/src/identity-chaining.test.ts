import type { RecordDraft, TrustProfile } from '@countersign/contracts';
import { createFederationGateway, createPartnerKeys } from '@countersign/federation-gateway';
import { newId, systemRandom } from '@countersign/kernel';
import { jwtAuthorizationGrantTokenType } from '@countersign/oauth';
import { createLogger } from '@countersign/runtime';
import { fixedClock, makeKey, type SigningKey, signJws, standingsIn } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  claimsOf,
  createHarness,
  issuer,
  refusalOf,
  start,
} from '../../components/authorization-server/src/testing/harness.ts';
import {
  broker,
  brokerBook,
  tradingWorld,
  venueOrders,
} from '../../components/authorization-server/src/testing/trading-world.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

const there = 'https://as.there.example';
const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** The broker's own authorization server, and that of a market which trusts it by a trust profile. */
function twoServers(options: { readonly identityChaining?: 'off' | 'draft-17'; readonly issuer?: string } = {}) {
  const clock = fixedClock(start);
  const here = createHarness({
    clock,
    seed: 'here',
    config: { identityChaining: 'draft-17', chainedIssuers: [{ issuer: there, institutions: [broker] }] },
  });
  const from = { clock, random: systemRandom };
  const profile: TrustProfile = {
    id: newId('profile', from),
    version: 1,
    institution: broker,
    issuer: options.issuer ?? issuer,
    jwksUri: `${options.issuer ?? issuer}/jwks`,
    algorithms: ['ES256'],
    maxLifetimeSeconds: 120,
    requiredClaims: [],
    acrValues: ['phr'],
    maxAuthenticationAgeSeconds: 3_600,
    recordId: newId('record', from),
  };
  const world = tradingWorld();
  const refusals: RecordDraft[] = [];
  const audit = {
    async append(record: RecordDraft) {
      refusals.push(record);
      return { id: record.id, index: 0n, time: '' };
    },
    standings: async (things: readonly string[]) => standingsIn(refusals, things),
  };
  const federationGateway = createFederationGateway({
    trustRegistry: { profileOf: async (asked) => (asked === profile.issuer ? profile : undefined) },
    directory: {
      ...world.directory,
      snapshot() {
        const snapshot = world.directory.snapshot();
        return {
          ...snapshot,
          federatedPerson(by, subject) {
            const person = snapshot.principal(subject);
            return by === profile.issuer && person?.kind === 'person' ? person : undefined;
          },
        };
      },
    },
    audit,
    partnerKeys: createPartnerKeys({
      outbound: { getJson: () => here.server.keySet() },
      audit,
      logger: createLogger({ level: 'silent', name: 'test' }),
      ...from,
    }),
    identityChaining: options.identityChaining ?? 'draft-17',
    ...from,
  });
  const far = createHarness({ clock, seed: 'there', federationGateway, config: { issuer: there } });
  far.world.changeClient('trading-desk', { grantTypes: [grantType] });
  far.world.changeClient('order-desk', { grantTypes: [grantType] });

  /** A person's token for an interface of the broker, which the trading desk exchanges for a grant at the other server. */
  async function firstHop(change: Readonly<Record<string, string | undefined>> = {}) {
    const first = await here.server.token(here.federated({ scope: 'order:read', resource: brokerBook }));
    return here.server.token(
      here.exchange(
        first.access_token,
        {
          requested_token_type: jwtAuthorizationGrantTokenType,
          resource: undefined,
          audience: there,
          scope: 'order:read',
          ...change,
        },
        'trading-desk',
      ),
    );
  }

  function secondHop(
    assertion: string,
    by: { readonly client?: string; readonly key?: SigningKey; scope?: string } = {},
  ) {
    const { client = 'trading-desk', key = here.dpopKeyOf('trading-desk'), scope } = by;
    const form = {
      client_assertion: far.assertion(client, { aud: there }),
      grant_type: grantType,
      assertion,
      resource: venueOrders,
      scope,
    };
    const request = far.requestFor(client, form, { proofs: [far.proof(key, { htu: `${there}/token` })] });
    return far.server.token({ ...request, url: `${there}/token` });
  }

  return { here, far, firstHop, secondHop, refusals };
}

describe('identity chaining between two authorization servers', () => {
  it('carries the person, their authority and the acting chain from one to the other', async () => {
    const { firstHop, secondHop } = twoServers();
    const grant = await firstHop();
    expect(grant).toMatchObject({ token_type: 'N_A', issued_token_type: jwtAuthorizationGrantTokenType });
    const token = claimsOf(await secondHop(grant.access_token));
    expect(token).toMatchObject({
      iss: there,
      aud: venueOrders,
      sub: 'person:anna.keller',
      lei: broker,
      scope: 'order:read',
      act: { sub: 'service:trading-desk', act: { sub: 'service:order-desk' } },
      acr: 'phr',
      client_id: 'trading-desk',
    });
  });

  it('widens nothing on the way', async () => {
    const { firstHop, secondHop } = twoServers();
    const { access_token: grant } = await firstHop();
    expect(await refusalOf(secondHop(grant, { scope: 'order:create' }))).toMatchObject({
      code: 'invalid_scope',
      reason: 'scope_wider',
    });
  });

  it('cannot be used by another client, with another key, or a second time', async () => {
    const { firstHop, secondHop } = twoServers();
    const { access_token: grant } = await firstHop();
    expect(await refusalOf(secondHop(grant, { key: makeKey() }))).toMatchObject({ reason: 'assertion_key' });
    expect(await refusalOf(secondHop(grant, { client: 'order-desk', key: makeKey() }))).toMatchObject({
      reason: 'assertion_key',
    });
    await secondHop(grant);
    expect(await refusalOf(secondHop(grant))).toMatchObject({ code: 'invalid_grant', reason: 'assertion_replayed' });
  });

  it('is refused when it is switched off at the receiver, and the refusal is recorded', async () => {
    const { firstHop, secondHop, refusals } = twoServers({ identityChaining: 'off' });
    const { access_token: grant } = await firstHop();
    expect(await refusalOf(secondHop(grant))).toMatchObject({ code: 'invalid_grant', reason: 'assertion_type' });
    expect(refusals).toMatchObject([{ type: 'identity.refused', reason: 'assertion_type' }]);
  });

  it('is refused from a server that is not a partner of the receiver', async () => {
    const { firstHop, secondHop } = twoServers({ issuer: 'https://as.another.example' });
    const { access_token: grant } = await firstHop();
    expect(await refusalOf(secondHop(grant))).toMatchObject({ reason: 'assertion_issuer_unknown' });
  });

  it('ends with the grant', async () => {
    const { firstHop, secondHop, here } = twoServers();
    const { access_token: grant } = await firstHop();
    here.clock.advance(60_000);
    expect(await refusalOf(secondHop(grant))).toMatchObject({ reason: 'assertion_expired' });
  });

  it('does not accept an access token as a grant', async () => {
    const { here, secondHop } = twoServers();
    const { access_token: token } = await here.server.token(
      here.federated({ scope: 'order:read', resource: brokerBook }),
    );
    expect(await refusalOf(secondHop(token))).toMatchObject({ code: 'invalid_grant', reason: 'assertion_type' });
  });
});

describe('a control plane with its drafts enabled', () => {
  const folder = scratchFolder();
  let controlPlane: RunningControlPlane;
  beforeAll(async () => {
    const configuration = await configurationIn(folder.path);
    const institutions = [configuration.operator.lei];
    controlPlane = await runControlPlane({
      ...configuration,
      features: { transactionTokens: 'draft-10', identityChaining: 'draft-17' },
      chainedIssuers: [{ issuer: there, institutions }],
    });
  });
  afterAll(async () => {
    await controlPlane?.stop();
    folder.remove();
  });

  it('announces them in its metadata, without the recipients of its grants', async () => {
    const answer = await fetch(`${controlPlane.issuer}/.well-known/oauth-authorization-server`);
    const metadata: unknown = await answer.json();
    expect(metadata).toMatchObject({
      identity_chaining_requested_token_types_supported: [jwtAuthorizationGrantTokenType],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
    });
    expect(JSON.stringify(metadata)).not.toContain(new URL(there).hostname);
  });

  it('lets the gateway read grants by their own types', async () => {
    const { federationGateway } = controlPlane.components;
    const grant = signJws(makeKey(), { alg: 'ES256', typ: 'authorization-grant+jwt' }, { iss: there });
    expect(await refusalOf(federationGateway.acceptAssertion(grant, controlPlane.issuer))).toMatchObject({
      code: 'assertion_issuer_unknown',
    });
  });
});
