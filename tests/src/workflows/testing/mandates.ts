import { randomUUID } from 'node:crypto';
import { type MandateId, parseId } from '@countersign/kernel';
import { leis } from '../../testing/firms.ts';
import { termsHash } from '../../testing/trading.ts';
import type { Change } from './intents.ts';
import { asset } from './intents.ts';
import type { Firm } from './staff.ts';
import type { Calling } from './workflow-world.ts';

/** The software that signs for each firm. */
const signatories = {
  assetManager: 'am-mandates',
  arranger: 'ha-mandates',
  clearing: 'clr-mandates',
  custodian: 'cus-mandates',
} as const satisfies Partial<Readonly<Record<Firm, string>>>;
export type Signing = keyof typeof signatories;

const roles = {
  assetManager: 'Client',
  arranger: 'ArrangingBroker',
  clearing: 'ClearingFirm',
  custodian: 'Custodian',
} as const satisfies Readonly<Record<Signing, string>>;

const day = 86_400_000;
/** The same for all, so that no sub-mandate starts before or ends after its parent. */
const began = Date.now();

/** The widest terms of a mandate in these tests; sub-mandates have narrower ones. */
export const widest = {
  actions: ['order:create', 'order:cancel', 'settlement:instruct', 'withdrawal:request', 'withdrawal-address:propose'],
  venues: ['XEUR'],
  jurisdictions: ['DE'],
  productClasses: ['DB'],
  notionalPerOrder: { amount: '5000000', ccy: 'EUR' },
  notionalPerDay: { amount: '100000000', ccy: 'EUR' },
  assets: [{ asset, perOrder: '100', perDay: '1000' }],
  delegationDepth: 2,
} as const;

export interface Granting {
  readonly from: Signing;
  readonly to: Signing;
  readonly parent?: MandateId;
  readonly constraints?: Change;
  /** Milliseconds since the epoch. */
  readonly until?: number;
}

/** Mandates through the public interface, each signed by the signatories of its parties. */
export interface Mandates {
  terms(granting: Granting): Readonly<Record<string, unknown>>;
  /** @throws the refusal */
  propose(granting: Granting): Promise<MandateId>;
  accept(mandate: MandateId, by: Signing): Promise<void>;
  /** Proposed by one and accepted by the other. */
  grant(granting: Granting): Promise<MandateId>;
  revoke(mandate: MandateId, by: Signing): Promise<void>;
  versions(mandate: MandateId, by: Signing): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export function createMandates({ call }: Pick<Calling, 'call'>): Mandates {
  const mandates: Mandates = {
    terms: ({ from, to, parent, constraints = {}, until = began + 300 * day }) => ({
      grantor: { lei: leis[from], role: roles[from] },
      grantee: { lei: leis[to], role: roles[to] },
      ...(parent === undefined ? {} : { parent }),
      constraints: { ...widest, ...constraints },
      legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17, annex B' },
      termsHash,
      effectiveFrom: new Date(began - day).toISOString(),
      effectiveUntil: new Date(until).toISOString(),
    }),
    async propose(granting) {
      const answer = await call(signatories[granting.from], 'mandate:grant', {
        door: 'mandates',
        method: 'POST',
        path: '/mandates',
        body: mandates.terms(granting),
        idempotencyKey: randomUUID(),
      });
      const id = parseId('mandate', (answer as { id?: unknown }).id);
      if (id === undefined) throw new Error('a mandate without an id');
      return id;
    },
    async accept(mandate, by) {
      const path = `/mandates/${mandate}/accept`;
      await call(signatories[by], 'mandate:grant', { door: 'mandates', method: 'POST', path, body: { termsHash } });
    },
    async grant(granting) {
      const mandate = await mandates.propose(granting);
      await mandates.accept(mandate, granting.to);
      return mandate;
    },
    async revoke(mandate, by) {
      const path = `/mandates/${mandate}/revoke`;
      const body = { reason: 'The arrangement has ended' };
      await call(signatories[by], 'mandate:revoke', { door: 'mandates', method: 'POST', path, body });
    },
    async versions(mandate, by) {
      const path = `/mandates/${mandate}/versions`;
      const answer = await call(signatories[by], 'mandate:read', { door: 'mandates', method: 'GET', path });
      return (answer as { versions: readonly Readonly<Record<string, unknown>>[] }).versions;
    },
  };
  return mandates;
}
