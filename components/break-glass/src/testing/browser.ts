import type { Authentication, PrincipalId, SignIn } from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';

/** A sign-in that knows a browser by a cookie with the person's id, and each tier by one more. */
export const cookieSignIn: Pick<Authentication, 'begin' | 'current'> = {
  begin: async ({ returnTo, need }) =>
    `/sign-in/test?tier=${need.tier ?? 'reading'}&to=${encodeURIComponent(returnTo)}`,
  async current(header, need): Promise<SignIn | undefined> {
    const [, person, tiers] = /signed-in=(person:[a-z.]+)\/([a-z,-]+)/.exec(header ?? '') ?? [];
    const session = parseId('session', 'ses_01k9z3m8q4d6s0v2x5y7a9b1c3');
    if (person === undefined || session === undefined || tiers?.split(',').includes(need?.tier ?? 'reading') !== true)
      return undefined;
    return { session, person: person as PrincipalId, acr: 'phrh', amr: ['hwk'], authTime: 0, tier: 'approval' };
  },
};

/** A browser of one person, who may have signed in for tiers. */
export function browserOf(
  app: FastifyInstance,
  person?: { readonly id: string },
  tiers = 'reading,approval,administration',
) {
  const cookies = new Map<string, string>();
  if (person !== undefined) cookies.set('signed-in', `${person.id}/${tiers}`);
  const headers = (more: Readonly<Record<string, string>>) => ({
    cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    ...more,
  });
  const keep = (answer: LightMyRequestResponse): LightMyRequestResponse => {
    for (const { name, value } of answer.cookies) cookies.set(name, value);
    return answer;
  };
  return {
    async get(url: string, more: Readonly<Record<string, string>> = {}) {
      return keep(await app.inject({ method: 'GET', url, headers: headers(more) }));
    },
    async post(
      url: string,
      fields: Readonly<Record<string, string>>,
      more: Readonly<Record<string, string>> = {},
      remoteAddress = '192.0.2.1',
    ) {
      return keep(
        await app.inject({
          method: 'POST',
          url,
          remoteAddress,
          headers: headers({
            'content-type': 'application/x-www-form-urlencoded',
            origin: 'null',
            'sec-fetch-site': 'same-origin',
            ...more,
          }),
          payload: new URLSearchParams(fields).toString(),
        }),
      );
    },
  };
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** The hidden fields of the form with this button, and what an authenticator answers to its options, where it has some. */
export function filledForm(page: string, action: string, key?: SoftwareAuthenticator): Record<string, string> {
  const form = page.split('<form').find((each) => each.includes(`name="action" value="${action}"`));
  if (form === undefined) throw new Error(`the page has no form to ${action}`);
  const fields: Record<string, string> = { action };
  for (const [, name = '', value = ''] of form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g))
    fields[name] = unescaped(value);
  const options = /data-options="([^"]*)"/.exec(form)?.[1];
  if (options !== undefined && key !== undefined)
    fields['credential'] = JSON.stringify(key.get(JSON.parse(unescaped(options))));
  return fields;
}
