import { randomUUID } from 'node:crypto';
import { formOf, type PersonBrowser } from './person-browser.ts';
import { type Change, type Fields, type RawClient, seconds } from './raw-client.ts';
import type { WireAnswer } from './wire.ts';

export const cibaGrant = 'urn:openid:params:grant-type:ciba';

/** Sends a signed backchannel request to a person (FAPI-CIBA section 5.2.2), with its subject matter. */
export function askPerson(client: RawClient, parameters: Change, claims: Change = {}): Promise<WireAnswer> {
  return client.post('/bc-authorize', [['request', signedRequest(client, parameters, claims)]]);
}

/** CIBA Core section 7.1.1. */
export function signedRequest(client: RawClient, parameters: Change, claims: Change = {}, header: Change = {}): string {
  return client.requestObject(
    parameters,
    { client_id: undefined, iat: seconds(), exp: seconds() + 300, jti: randomUUID(), ...claims },
    header,
  );
}

export const redeemFields = (authReqId: string): Fields => [
  ['grant_type', cibaGrant],
  ['auth_req_id', authReqId],
];

/** The person reads the request on their own device, and allows all of it. */
export async function allowAll(browser: PersonBrowser, issuer: string, person: string): Promise<number> {
  let page = await browser.open(`${issuer}/approvals`);
  if (page.url.pathname.startsWith('/sign-in/')) page = await browser.submit(formOf(page, 'sign-in'), { person });
  const ids = new Set([...page.body.matchAll(/href="(\/approvals\/[\w-]+)"/g)].map(([, path = '']) => path));
  for (const path of ids) {
    const decided = await browser.submit(formOf(await browser.open(issuer + path)), { decision: 'allow' });
    if (decided.status !== 200) throw new Error(`the decision was answered with ${decided.status}`);
  }
  return ids.size;
}
