import { type Authentication, authenticationErrors, parsePrincipalId, type SignIn } from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import { type AskedServer, type WebBrowser, webBrowser } from './web-browser.ts';

/** A sign-in that knows a browser by a cookie with the person's id and the tiers that they signed in for. */
export const cookieSignIn: Pick<Authentication, 'begin' | 'current'> = {
  async begin({ returnTo, need }) {
    if (!/^\/(?![/\\])/.test(returnTo))
      throw authenticationErrors.error('return_to_foreign', 'A sign-in leads back to our own pages.');
    return `/sign-in/test?tier=${need.tier ?? 'reading'}&to=${encodeURIComponent(returnTo)}`;
  },
  async current(header, need): Promise<SignIn | undefined> {
    const [, id, tiers] = /signed-in=(person:[a-z.]+)\/([a-z,-]+)/.exec(header ?? '') ?? [];
    const person = parsePrincipalId(id);
    const session = parseId('session', 'ses_01k9z3m8q4d6s0v2x5y7a9b1c3');
    if (person === undefined || session === undefined || tiers?.split(',').includes(need?.tier ?? 'reading') !== true)
      return undefined;
    return { session, person, acr: 'phrh', amr: ['hwk'], authTime: 0, tier: 'approval' };
  },
};

/** A browser of one person, who has signed in for these tiers; of nobody in particular without one. */
export function browserOf(
  app: AskedServer,
  person?: { readonly id: string },
  tiers = 'reading,approval,administration',
): WebBrowser {
  const browser = webBrowser(app);
  if (person !== undefined) browser.cookies.set('signed-in', `${person.id}/${tiers}`);
  return browser;
}
