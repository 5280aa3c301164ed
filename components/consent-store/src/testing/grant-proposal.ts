import { type GrantProposal, parseClientId } from '@countersign/contracts';
import { brokerClerk } from './firms.ts';
import { tradeOrder } from './trade-order.ts';

export const someMandate = 'mnd_00000000000000000000000000';

export function clientId(text: string) {
  const id = parseClientId(text);
  if (id === undefined) throw new Error(`no client id: ${text}`);
  return id;
}

/** What the broker's clerk allows the broker's order screen, for an hour of the test's day. */
export function grantProposal(changes: Partial<GrantProposal> = {}): GrantProposal {
  return {
    client: clientId('order-screen'),
    subject: brokerClerk.id,
    institution: brokerClerk.institution,
    scopes: ['openid', 'order:create'],
    details: [tradeOrder(someMandate)],
    resources: ['https://venue.example/orders'],
    acr: 'urn:example:acr:strong',
    amr: ['hwk'],
    authTime: Date.parse('2026-06-15T09:59:00Z') / 1000,
    expiresAt: '2026-06-15T11:00:00.000Z',
    ...changes,
  };
}
