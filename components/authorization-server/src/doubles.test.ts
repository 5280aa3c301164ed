import { parseClientId, parsePrincipalId } from '@countersign/contracts';
import { newId } from '@countersign/kernel';
import { createMemoryLog, fixedClock, makeKey, seededRandom, signJws } from '@countersign/testkit';
import {
  describeConsentStore,
  describeDirectoryCalls,
  describeFederation,
  describeGrants,
  describePolicyEngine,
  describeRevoking,
  describeTransactionRegistry,
} from '@countersign/testkit/conformance';
import { actor, brokerClerk, stranger } from '../../consent-store/src/testing/firms.ts';
import { permittedUse } from '../../consent-store/src/testing/given-mandates.ts';
import { tradeOrder } from '../../consent-store/src/testing/trade-order.ts';
import { tokenQuestion } from '../../policy-engine/src/testing/desk.ts';
import { memoryClientDirectory } from './registration/testing/client-directory.ts';
import { liveRevocations } from './testing/live-revocations.ts';
import {
  memoryConsentStore,
  memoryFederation,
  memoryGrantRegister,
  memoryPolicyEngine,
  memoryTransactionRegistry,
} from './testing/neighbours.ts';
import { revocable } from './testing/revocable.ts';
import { broker, clearing, tradingWorld, venue } from './testing/trading-world.ts';

const start = Date.parse('2026-11-23T10:00:00Z');

/** The dependencies of a double. */
function ground() {
  const clock = fixedClock(start);
  const audit = createMemoryLog(clock, { checked: ['authorization-server'], anyReferences: true });
  return { clock, audit, random: seededRandom('doubles') };
}

describeGrants('memoryGrantRegister', async () => {
  const from = ground();
  const [client, subject] = [parseClientId('trading-ui'), parsePrincipalId('person:anna.keller')];
  if (client === undefined || subject === undefined) throw new Error('a fixture that its own parser refuses');
  return {
    contract: memoryGrantRegister(from),
    clock: from.clock,
    by: { id: subject, institution: broker },
    proposal: {
      ...{ client, subject, institution: broker, scopes: ['openid', 'order:create'], details: [] },
      resources: ['https://venue.example/orders'],
      ...{ acr: 'phr', amr: ['hwk'], authTime: start / 1000 - 60, expiresAt: '2026-11-23T11:00:00.000Z' },
    },
    recorded: (type) => from.audit.ofType(type),
  };
});

describeConsentStore('memoryConsentStore', async () => {
  const from = ground();
  const store = memoryConsentStore(from);
  return {
    contract: store,
    clock: from.clock,
    mandate: store.mandate,
    below: [],
    permitted: permittedUse(start),
    stranger: clearing,
    end: async () => store.change({ status: 'revoked' }),
  };
}, ['check', 'find', 'withDescendants']);

describePolicyEngine('memoryPolicyEngine', async () => {
  const from = ground();
  const contract = memoryPolicyEngine(from);
  const permitted = tokenQuestion('person:own', 'https://venue.example/orders');
  return {
    ...{ contract, permitted, recorded: () => from.audit.records.length },
    denied() {
      contract.denyWith({ code: 'forbidden_for_the_test', detail: 'Nothing is permitted now.' });
      return permitted;
    },
  };
}, ['decide']);

describeTransactionRegistry('memoryTransactionRegistry', async () => {
  const from = ground();
  const mandate = newId('mandate', from);
  const recordId = newId('record', from);
  return {
    contract: memoryTransactionRegistry(from),
    opening: (idempotencyKey, quantity = '1000') => ({
      detail: tradeOrder(mandate, { idempotency_key: idempotencyKey, max_qty: quantity }),
      ...{ mandate: { id: mandate, version: 1, recordId }, initiator: actor(brokerClerk), client: 'broker-oms' },
    }),
    step: { institution: venue, event: 'execute', scope: 'trade:affirm' },
    stranger,
  };
}, ['open', 'facts', 'stepsOf']);

describeFederation('memoryFederation', async () => {
  const { clock, random } = ground();
  const key = makeKey();
  const audience = 'https://as.example';
  const issuer = 'https://idp.example';
  const anna = parsePrincipalId('person:anna.keller');
  if (anna === undefined) throw new Error('a fixture that its own parser refuses');
  return {
    ...{ contract: memoryFederation(key, { clock, random }), clock, audience },
    identity: { principal: anna, institution: broker, issuer, subject: 'anna', acr: 'phr' },
    async assertion(claims = {}) {
      const now = clock.now() / 1000;
      const usual = { iss: issuer, sub: 'anna', aud: audience, jti: 'a-1', exp: now + 60, acr: 'phr' };
      return signJws(key, { alg: 'ES256', typ: 'JWT', kid: key.kid }, { ...usual, auth_time: now - 60, ...claims });
    },
  };
});

describeRevoking('liveRevocations', async () => {
  const from = ground();
  const revocations = liveRevocations({ clock: from.clock, grants: memoryGrantRegister(from) });
  return {
    ...{ contract: revocations, by: actor(brokerClerk), ...revocable(from.clock) },
    endedBy: (claims) => revocations.endedBy(claims),
    recorded: () => revocations.ended.length,
  };
});

let clients = 0;
describeDirectoryCalls('memoryClientDirectory', async () => {
  const world = tradingWorld();
  return {
    contract: memoryClientDirectory(ground(), () => world.directory.snapshot()),
    by: actor(brokerClerk),
    client() {
      const number = ++clients;
      const names = { id: `conforming-${number}`, institution: broker, principal: `service:conforming-${number}` };
      return { ...names, environment: 'sandbox', scopes: ['order:read'], jwks: { keys: [makeKey().jwk] } };
    },
    fileOf: (client) => ({ clients: [client] }),
  };
}, ['plan', 'edit', 'clientDocument']);
