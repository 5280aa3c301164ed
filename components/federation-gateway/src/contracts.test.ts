import { createServer, type Server } from 'node:http';
import { type Person, parsePrincipalId, type TrustProfile } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, fixedClock, freePort, leiOf, makeKey, personOf, signJws } from '@countersign/testkit';
import {
  describeComponent,
  describeConfiguredRequests,
  describeFederation,
  describeOutbound,
} from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { createConfiguredExchange, createFederationGateway, createOutbound, createPartnerKeys } from './index.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const outbound = createOutbound({ environment: 'development', logger });
const configured = createConfiguredExchange({ logger });
afterAll(() => configured.stop());

describeComponent(describeOutbound, async () => ({ contract: outbound }));

describeComponent(describeConfiguredRequests, async () => ({
  contract: {
    exchangeFor: (_authorities, url, message) => configured.exchange(url, message),
    getFor: (_authorities, url, limits) => configured.get(url, limits),
  },
}));

const audience = 'https://countersign.example';
const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
const from = { clock, random: systemRandom, audit: createMemoryLog(clock, { anyReferences: true }) };
const institution = leiOf('529900BROKER');
const anna: Person = personOf('anna.keller', institution, 'trader');
const partnerKey = makeKey();
let partner: Server;
let issuer: string;
beforeAll(async () => {
  partner = createServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ keys: [{ ...partnerKey.jwk, kid: partnerKey.kid }] })),
  );
  const port = await freePort();
  await new Promise<void>((resolve) => partner.listen(port, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  partner.closeAllConnections();
  await new Promise((resolve) => partner.close(resolve));
});

describeComponent(describeFederation, async () => {
  const profile: TrustProfile = {
    ...{ id: newId('profile', from), version: 1, institution, issuer, jwksUri: `${issuer}/jwks` },
    ...{ algorithms: ['ES256'], maxLifetimeSeconds: 120, requiredClaims: [], acrValues: ['phr'] },
    ...{ maxAuthenticationAgeSeconds: 3_600, recordId: newId('record', from) },
  };
  const contract = createFederationGateway({
    ...from,
    trustRegistry: { profileOf: async (asked) => (asked === issuer ? profile : undefined) },
    // All that the gateway reads of a directory.
    directory: {
      snapshot: () => ({
        institution: () => ({ lei: institution, leiStatus: 'ISSUED' }),
        federatedPerson: (_issuer: string, subject: string) => (subject === 'u-1' ? anna : undefined),
        principal: parsePrincipalId,
      }),
    } as never,
    partnerKeys: createPartnerKeys({ ...from, outbound, logger }),
  });
  return {
    contract,
    clock,
    audience,
    identity: { principal: anna.id, institution, issuer, subject: 'u-1', acr: 'phr' },
    async assertion(claims = {}) {
      const now = clock.now() / 1000;
      const usual = { iss: issuer, sub: 'u-1', aud: audience, iat: now, exp: now + 60, jti: 'a-1' };
      return signJws(
        partnerKey,
        { alg: 'ES256', typ: 'JWT', kid: partnerKey.kid },
        { ...usual, acr: 'phr', amr: ['hwk'], auth_time: now - 60, ...claims },
      );
    },
  };
});
