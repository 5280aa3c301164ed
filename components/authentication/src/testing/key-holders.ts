import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Person, SignInNeed } from '@countersign/contracts';
import { hiddenField, optionsIn, type WebBrowser } from '@countersign/testkit';
import {
  createAttestationAuthority,
  createSoftwareAuthenticator,
  type SoftwareAuthenticator,
  type SoftwareAuthenticatorOptions,
} from '@countersign/webauthn/software-authenticator';
import { begin, type SignInNode } from './sign-in-world.ts';

/** A maker of keys that an installation can trust, and people who sign in with its keys. */
export async function createKeyHolders() {
  // The attestation library uses the machine's clock, whatever the test clock says.
  const maker = createAttestationAuthority({ notBefore: Date.UTC(2020, 0), notAfter: Date.UTC(2049, 0) });
  const folder = await mkdtemp(join(tmpdir(), 'key-holders-'));
  const rootsFile = join(folder, 'roots.pem');
  writeFileSync(rootsFile, maker.rootPem);

  /** Invites the person and registers a key for them, hardware by default. */
  async function keyOf(
    { authentication: { authenticators, settings } }: Pick<SignInNode, 'authentication'>,
    { id: person }: Pick<Person, 'id'>,
    options: Partial<SoftwareAuthenticatorOptions> = {},
  ): Promise<SoftwareAuthenticator> {
    const key = createSoftwareAuthenticator({ origin: settings.origin, authority: maker, ...options });
    const { path } = await authenticators.invite({ person, evidence: ['file 7'] }, { id: 'person:olga.office' });
    const { handle, options: asked } = await authenticators.askInvited(path.slice('/enrol/'.length));
    await authenticators.register({ handle, person, credential: key.create(asked), name: 'key' });
    return key;
  }

  /** An unregistered hardware key; given the saved state of a key, a copy of it. */
  const another = (
    { authentication: { settings } }: Pick<SignInNode, 'authentication'>,
    options: Pick<SoftwareAuthenticatorOptions, 'saved'> = {},
  ): SoftwareAuthenticator => createSoftwareAuthenticator({ origin: settings.origin, authority: maker, ...options });

  return { rootsFile, keyOf, another, close: () => rm(folder, { recursive: true }) };
}

/** Uses a key on the sign-in page. @returns the submitted form and the answer */
export async function showKey(browser: Pick<WebBrowser, 'get' | 'post'>, path: string, key: SoftwareAuthenticator) {
  const { body } = await browser.get(path);
  const form = {
    csrf: hiddenField(body, 'csrf'),
    method: 'webauthn',
    action: 'sign-in',
    credential: JSON.stringify(key.get(optionsIn(body))),
  };
  return { form, answer: await browser.post(path, form) };
}

/** Signs in with a key from start to end. */
export async function signInWithKey(
  node: SignInNode,
  browser: WebBrowser,
  key: SoftwareAuthenticator,
  need: Partial<SignInNeed> = {},
) {
  const path = await begin(node, { need: { acrValues: [], ...need } });
  return { path, ...(await showKey(browser, path, key)) };
}
