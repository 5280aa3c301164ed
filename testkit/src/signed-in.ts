import { type Authentication, authenticationErrors, parsePrincipalId, type SignIn } from '@countersign/contracts';
import { type Clock, newId, systemClock, systemRandom } from '@countersign/kernel';
import { type AskedServer, type WebBrowser, webBrowser } from './web-browser.ts';

type CookieSignIn = Pick<Authentication, 'begin' | 'current'>;

/**
 * A sign-in that identifies a browser by a cookie with the person's id and signed-in tiers. @param clock time at which
 * people have just signed in; long ago by default
 */
export function createCookieSignIn(clock: Clock = { now: () => 0 }): CookieSignIn {
  const sessions = new Map<string, SignIn['session']>();
  return {
    async begin({ returnTo, need }) {
      if (!/^\/(?![/\\])/.test(returnTo))
        throw authenticationErrors.error(
          'return_to_foreign',
          'After a sign-in the browser returns to our own pages only.',
        );
      return `/sign-in/test?tier=${need.tier ?? 'reading'}&to=${encodeURIComponent(returnTo)}`;
    },
    async current(header, need): Promise<SignIn | undefined> {
      const [, id, tiers] = /(?:^|; )signed-in=(person:[\w.-]+)\/([a-z,-]+)/.exec(header ?? '') ?? [];
      const person = parsePrincipalId(id);
      if (person === undefined || tiers?.split(',').includes(need?.tier ?? 'reading') !== true) return undefined;
      const session = sessions.get(person) ?? newId('session', { clock: systemClock, random: systemRandom });
      sessions.set(person, session);
      const authTime = Math.floor(clock.now() / 1000);
      return { session, person, acr: 'phrh', amr: ['pop', 'hwk', 'user'], authTime, tier: 'approval' };
    },
  };
}

export const cookieSignIn: CookieSignIn = createCookieSignIn();

/** A browser of a person who is signed in for these tiers; of no particular person without one. */
export function browserOf(
  app: AskedServer,
  person?: { readonly id: string },
  tiers = 'reading,approval,administration',
): WebBrowser {
  const browser = webBrowser(app);
  if (person !== undefined) browser.cookies.set('signed-in', `${person.id}/${tiers}`);
  return browser;
}
