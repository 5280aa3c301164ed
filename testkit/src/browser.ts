import type { Browser } from 'playwright-core';
import { components, findComponent } from './component.ts';

export type OpenedBrowser =
  | { readonly browser: Browser; readonly reason?: never }
  /** Why there is none, and what to install. */
  | { readonly browser: undefined; readonly reason: string };

/** A separate browser for each test, without network requests except those of the pages under test. */
const launchArguments = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The same time limit as elsewhere in tests: on a busy machine a page can be slow. */
const patienceMs = 60_000;

/**
 * Starts the Chromium of this machine with a generous time limit for its pages, or says what to install. Close it when
 * done. To skip tests by name when there is none, call `findComponent(components.chromium)` first: it needs no process.
 */
export async function openBrowser(): Promise<OpenedBrowser> {
  const found = findComponent(components.chromium);
  if (!found.found) return { browser: undefined, reason: found.reason };
  // Loaded here, so that tests without a browser do not pay for it.
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({ executablePath: found.path, args: launchArguments, timeout: 120_000 });
  browser.on('context', (context) => context.setDefaultTimeout(patienceMs));
  return { browser };
}
