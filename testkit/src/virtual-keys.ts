import type { CDPSession, Page } from 'playwright-core';

/** Virtual security keys of the browser, for one page (Chrome DevTools Protocol, domain WebAuthn). */
export interface VirtualKeys {
  readonly cdp: CDPSession;
  /** Adds a key that verifies its user. @param more options of the protocol that replace the defaults. @returns its id */
  add(more?: object): Promise<string>;
}

export async function virtualKeys(page: Page): Promise<VirtualKeys> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  return {
    cdp,
    async add(more = {}) {
      const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          ...{ protocol: 'ctap2', transport: 'usb' },
          ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
          ...more,
        },
      });
      return authenticatorId;
    },
  };
}
