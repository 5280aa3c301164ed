import type { KeyPurpose } from '@countersign/contracts';
import { CodedError, newId, systemRandom } from '@countersign/kernel';
import { createKeyring, createLogger } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, plainOutbound, testRowSeal } from '@countersign/testkit';
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import {
  createSignalTransmitter,
  eventPublisherMigrations,
  type SignalTransmitter,
  type SignalTransmitterDependencies,
} from '../../index.ts';
import { leis } from '../../testing/example-mandate.ts';

import type { DirectoryView } from '../projection.ts';

/** Never automatic: tests start it. */
const never = 3_600_000;
export const issuer = 'https://countersign.example';

/** Which institution everybody belongs to, as set by the test. */
function createSmallDirectory() {
  const principals = new Map<string, { readonly institution: string }>();
  const clients = new Map<string, { readonly institution: string }>();
  const devices = new Map<string, { readonly institution: string; posture: 'compliant' | 'failing' }>();
  let version = 0;
  const view: DirectoryView = {
    knownPrincipal: (id) => principals.get(id),
    client: (id) => clients.get(id),
    device: (id) => devices.get(id),
  };
  return {
    ...{ principals, clients, devices },
    moveTo(next: number): void {
      version = next;
    },
    async snapshotAtLeast(wanted: number): Promise<DirectoryView> {
      if (wanted > version)
        throw new CodedError({ code: 'directory_behind', category: 'unavailable', detail: 'Not there yet.' });
      return view;
    },
  };
}

/** Transmitters on a database of their own, with a log and a directory that the test controls. */
export async function createSignalWorld() {
  const scratch = await createTestDatabase({ components: [eventPublisherMigrations] });
  const clock = fixedClock(Date.parse('2026-11-21T10:00:00Z'));
  const logger = createLogger({ level: 'silent', name: 'test' });
  const random = systemRandom;
  const log = createMemoryLog(clock);
  log.write({ type: 'log.opened' });
  const directory = createSmallDirectory();
  const sealingKey = { bytes: random.bytes(32) };
  const signer = await createKeyring<'security-event'>({
    ...{ clock, logger, random, sealingKey },
    pool: scratch.pool('event-publisher'),
    purposes: {
      ['security-event' satisfies KeyPurpose]: {
        algorithm: 'ES256',
        publicationLeadSeconds: 300,
        longestSignedLifeSeconds: 86_460,
      },
    },
  });
  const nodes: SignalTransmitter[] = [];

  function node(changes: Partial<SignalTransmitterDependencies> = {}): SignalTransmitter {
    const signals = createSignalTransmitter({
      pool: scratch.pool('event-publisher'),
      audit: log,
      ...{ log, directory, signer, sealingKey, issuer, clock, random, logger },
      rowSeal: testRowSeal,
      outbound: plainOutbound,
      baseUrl: issuer,
      everyMs: never,
      longPollMs: 50,
      ...changes,
    });
    nodes.push(signals);
    return signals;
  }

  return {
    ...{ scratch, clock, log, directory, signer, sealingKey, node },
    signals: node(),
    /** Somebody of an institution signs in. @returns the record */
    signIn: (institution: string = leis.fund, person = 'person:frank.fund') =>
      log.write({
        type: 'session.started',
        subject: { id: person, institution },
        authentication: { method: 'webauthn', acr: 'urn:acr:phr', amr: ['hwk', 'user'], authTime: 1 },
        data: { session: newId('session', { clock, random }), goes_on: false },
      }).record,
    /** The claims of a token, after an independent implementation has verified it with the published keys. */
    async verified(token: string, audience = 'ops'): Promise<JWTPayload> {
      const keys = await signer.publicKeys('security-event');
      const set = createLocalJWKSet({ keys: keys.map(({ kid, algorithm, jwk }) => ({ ...jwk, kid, alg: algorithm })) });
      const { payload, protectedHeader } = await jwtVerify(token, set, {
        ...{ issuer, audience, typ: 'secevent+jwt', algorithms: ['ES256'] },
        currentDate: new Date(clock.now()),
      });
      if (protectedHeader.typ !== 'secevent+jwt') throw new Error('it is typed otherwise');
      return payload;
    },
    async close() {
      await Promise.all(nodes.map((signals) => signals.stop()));
      await signer.stop();
      await scratch.drop();
    },
  };
}
export type SignalWorld = Awaited<ReturnType<typeof createSignalWorld>>;

export const by = (institution: string = leis.fund, client = 'ops') => ({
  id: `service:${client}`,
  institution,
  client,
});
