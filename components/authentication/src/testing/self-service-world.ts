import type { Person } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { hiddenField, optionsIn, type WebBrowser } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { type AuthenticationConfiguration, type SelfServiceSources, selfServicePages } from '../index.ts';
import { createKeyHolders, signInWithKey } from './key-holders.ts';
import { createSignInWorld, type SignInNode } from './sign-in-world.ts';

export type SelfServiceWorld = Awaited<ReturnType<typeof createSelfServiceWorld>>;

/** An installation with self-service accounts, and a given number of browsers. */
export async function createSelfServiceWorld() {
  const world = await createSignInWorld();
  const holders = await createKeyHolders();

  function node(sources: SelfServiceSources = {}, config: Partial<AuthenticationConfiguration> = {}): SignInNode {
    const made = world.node({
      methods: ['webauthn', 'development'],
      authenticators: { rootsFile: holders.rootsFile },
      ...config,
    });
    selfServicePages(made.app, {
      ...{ authentication: made.authentication, directory: world.directory, sources },
      ...{ clock: world.clock, random: systemRandom, logger: createLogger({ level: 'silent', name: 'test' }) },
    });
    return made;
  }

  return {
    ...world,
    holders,
    node,
    /** A person with a key, signed in with it on a browser. */
    async signedIn(at: SignInNode, person: Person) {
      const key = await holders.keyOf(at, person);
      const browser = at.browser();
      await signInWithKey(at, browser, key);
      return { key, browser };
    },
    async close() {
      await world.close();
      await holders.close();
    },
  };
}

/** The fields that a page's signed form sends with this key: the last signed form of the page, or the only one. */
export function signedFields(page: string, key: SoftwareAuthenticator): Record<string, string | undefined> {
  const [, form = ''] = /<form [^>]*data-webauthn="get"([\s\S]*?)<\/form>/.exec(page) ?? [];
  return {
    csrf: hiddenField(form, 'csrf'),
    handle: hiddenField(form, 'handle'),
    action: hiddenField(form, 'action'),
    ...(hiddenField(form, 'name') === undefined ? {} : { name: hiddenField(form, 'name') }),
    credential: JSON.stringify(key.get(optionsIn(page))),
  };
}

/** Opens a page and sends its form, signed. */
export async function signAt(browser: WebBrowser, path: string, key: SoftwareAuthenticator) {
  const { body } = await browser.get(path);
  return browser.post(path, signedFields(body, key));
}
