import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MandateId } from '@countersign/kernel';
import { generateSigningKey } from '@countersign/sdk';
import { readConfiguration } from '@countersign/server';
import { openBrowser } from '@countersign/testkit';
import { type AttestationAuthority, createAttestationAuthority } from '@countersign/webauthn/software-authenticator';
import type { Browser } from 'playwright-core';
import { cibaGrant } from '../../testing/backchannel.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from '../../testing/control-plane.ts';
import { doors, leis } from '../../testing/firms.ts';
import { type RawClient, rawClient } from '../../testing/raw-client.ts';
import { codeOf } from '../../testing/refusal.ts';
import { redirectUri } from '../../testing/relying-parties.ts';
import { scratchFolder } from '../../testing/scratch-folder.ts';
import { claimsOf, large, openTrading, type Trading } from '../../testing/trading.ts';

/** People of the arranger, beside those of the firms. */
export const people = {
  trader: 'person:anna.keller',
  colleague: 'person:carl.roth',
  supervisor: 'person:bernd.vogt',
  /** Trades, and supervises other traders. */
  both: 'person:ines.maier',
  compliance: 'person:cora.lind',
  /** Needs device-bound keys. */
  risk: 'person:rolf.brandt',
  /** Needs keys attested by their maker. */
  security: 'person:selma.hartung',
  holder: 'person:fay.first',
  second: 'person:sam.second',
} as const;
export type PersonId = (typeof people)[keyof typeof people];

/** Names of the firms as pages show them. */
const firmNames: Readonly<Record<string, string>> = {
  [leis.assetManager]: 'Nordlicht Asset Management',
  [leis.arranger]: 'Hansa Arranging Bank',
  [leis.broker]: 'Example Brokers',
  [leis.venue]: 'Venue Example',
  [leis.clearing]: 'Clearing Example',
  [leis.custodian]: 'Custodian Example',
};

/** A control plane in this process with firms, people without keys, software for them, and a browser. */
export interface PeopleWorld {
  readonly controlPlane: RunningControlPlane;
  readonly issuer: string;
  readonly trading: Trading;
  readonly browser: Browser;
  readonly mandate: MandateId;
  /** Software at people's desks (code flow). */
  readonly desk: RawClient;
  /** Software that asks people on their own devices (CIBA). */
  readonly asker: RawClient;
  /** The maker of keys that the installation trusts. */
  readonly maker: AttestationAuthority;
  /** A link for a person who never had a key. */
  invite(person: PersonId): Promise<string>;
  /** An order that waits for a supervisor. */
  begin(change?: Readonly<Record<string, unknown>>, subject?: string): Promise<{ readonly transaction: string }>;
  /** Advances the control plane's clock. */
  wait(milliseconds: number): void;
  stop(): Promise<void>;
}

export async function openPeopleWorld(): Promise<PeopleWorld> {
  const opened = await openBrowser();
  if (opened.browser === undefined) throw new Error(opened.reason);
  const { browser } = opened;
  const folder = scratchFolder();
  const time = { ahead: 0 };
  const clock = { now: () => Date.now() + time.ahead };
  const maker = createAttestationAuthority();
  const rootsFile = join(folder.path, 'makers.pem');
  writeFileSync(rootsFile, maker.rootPem);
  const configuration = readConfiguration({
    ...(await configurationIn(folder.path)),
    signIn: {
      methods: ['webauthn'],
      authenticators: {
        rootsFile,
        rules: [
          { deviceBound: false, attestation: 'any' },
          { roles: ['risk'], deviceBound: true, attestation: 'any' },
          { roles: ['security'], deviceBound: true, attestation: 'trusted' },
        ],
      },
    },
    notices: { channels: [{ name: 'files', folder: join(folder.path, 'notices') }] },
  });
  const controlPlane = await runControlPlane(configuration, { clock });
  const { issuer, operator } = controlPlane;
  const trading = await openTrading(controlPlane);
  const keys = { desk: generateSigningKey(), 'desk-ciba': generateSigningKey() };
  await operator.apply(withPeople(trading, issuer, keys));
  const { mandate } = await trading.grantMandates();
  return {
    controlPlane,
    issuer,
    trading,
    browser,
    mandate,
    maker,
    desk: rawClient({ issuer, id: 'desk', key: keys.desk }),
    asker: rawClient({ issuer, id: 'desk-ciba', key: keys['desk-ciba'] }),
    async invite(person) {
      const { url } = (await operator.call('people', 'authenticator:invite', {
        method: 'POST',
        path: `/people/${encodeURIComponent(person)}/invitations`,
        body: { evidence: ['personnel file 2026/118'] },
      })) as { readonly url: string };
      return url;
    },
    async begin(change = {}, subject = 'anna') {
      const order = trading.order(mandate, { ...large, ...change });
      const token = await (order.algo === undefined
        ? trading.traderToken(order, await trading.assertion({}, subject))
        : trading.agentToken(order));
      const transaction = String(claimsOf(token)['txn']);
      // The policies' requirements are known once the step was requested.
      const refused = await codeOf(() =>
        trading.transition('brk-orders', 'submit', transaction, `${transaction}-early`),
      );
      if (refused !== 'approval_required') throw new Error(`${transaction} waits for nobody: ${refused}`);
      return { transaction };
    },
    wait(milliseconds) {
      time.ahead += milliseconds;
    },
    async stop() {
      await browser.close();
      await trading.stop();
      await controlPlane.stop();
      folder.remove();
    },
  };
}

type Keys = Readonly<Record<'desk' | 'desk-ciba', ReturnType<typeof generateSigningKey>>>;

function withPeople({ firms, identityProvider }: Trading, issuer: string, keys: Keys): unknown {
  const document = firms.directoryDocument();
  const of = (list: string): Record<string, unknown>[] => document[list] ?? [];
  const arranger = { institution: leis.arranger };
  const person = (id: string, ...roles: readonly string[]) => ({
    ...arranger,
    id,
    roles,
    federated: [],
    credentials: [],
  });
  const software = (id: keyof Keys, more: object) => ({
    ...arranger,
    id,
    principal: `service:${id}`,
    kind: 'human',
    scopes: ['openid', 'order:create'],
    audiences: [doors.broker, `${issuer}/userinfo`],
    jwks: { keys: [{ ...keys[id].publicJwk, kid: keys[id].kid }] },
    ...more,
  });
  return {
    ...document,
    institutions: of('institutions').map((firm) => ({ ...firm, name: firmNames[String(firm['lei'])] })),
    people: [
      ...of('people'),
      {
        ...person(people.both, 'trader', 'supervisor'),
        desk: 'rates',
        federated: [{ issuer: identityProvider.issuer, subject: 'ines' }],
      },
      person(people.compliance, 'compliance'),
      person(people.risk, 'risk'),
      person(people.security, 'security'),
      person(people.holder, 'break-glass'),
      person(people.second, 'break-glass'),
    ],
    services: [...of('services'), ...Object.keys(keys).map((id) => ({ ...arranger, id: `service:${id}`, roles: [] }))],
    clients: [
      ...of('clients'),
      software('desk', { grant_types: ['authorization_code'], redirect_uris: [redirectUri] }),
      software('desk-ciba', { grant_types: [cibaGrant], backchannel_token_delivery_mode: 'poll' }),
    ],
  };
}
