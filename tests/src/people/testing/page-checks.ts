import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { seriousFindings } from '@countersign/testkit';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Visitor } from './visitor.ts';

/** The folder for `npm run pictures`. */
const folder = process.env['COUNTERSIGN_PICTURES'];
const mostScriptBytes = 100_000;
const narrowest = 320;

/**
 * Checks the visitor's current page in light and dark mode and at phone width: accessibility findings, content security
 * policy, script size, requests. Fails with all problems.
 */
export async function expectProperPage({ page, observed }: Visitor): Promise<void> {
  const where = new URL(page.url()).pathname;
  const size = page.viewportSize();
  const findings = await findingsOn(page);
  await page.setViewportSize({ width: narrowest, height: 900 });

  const width = await page.evaluate<number>('document.documentElement.scrollWidth');
  if (size !== null) await page.setViewportSize(size);
  const scripts = await page.evaluate<number>(
    "performance.getEntriesByType('resource').filter((each) => each.initiatorType === 'script').reduce((sum, each) => sum + each.decodedBodySize, 0)",
  );
  const headings = await page.locator('h1').count();
  expect({ where, findings, width, headings, ...observed, tooMuchScript: scripts > mostScriptBytes }).toEqual({
    where,
    findings: [],
    width: narrowest,
    headings: 1,
    complaints: [],
    foreign: [],
    loose: [],
    tooMuchScript: false,
  });
}

/** Once for each kind of page: it is the same for every transaction. */
const lookedAt = new Set<string>();

async function findingsOn(page: Page): Promise<readonly string[]> {
  const kind = await page.evaluate<string>(
    "location.pathname.split('/')[1] + [...document.querySelectorAll('h1, h2, button, .problem code, .problem .quiet')].map((each) => each.textContent).join()",
  );
  if (lookedAt.has(kind)) return [];
  lookedAt.add(kind);
  const findings: string[] = [];
  for (const [colorScheme, rules] of [
    ['light', undefined],
    // Dark mode differs only in its colours.
    ['dark', ['color-contrast']],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    findings.push(...(await seriousFindings(page, rules)).map((finding) => `${colorScheme}: ${finding}`));
  }
  await page.emulateMedia({ colorScheme: null });
  return findings;
}

/** Long pages are cut at the top or at the bottom: pictures are not scrolled. */
const tallest = 1_150;

/** Takes a picture of the page for the documentation, if requested. */
export async function picture(
  page: Page,
  name: string,
  { colorScheme = null, part = 'start' }: { colorScheme?: 'light' | 'dark' | null; part?: 'start' | 'end' } = {},
): Promise<void> {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.emulateMedia({ colorScheme });
  const [width = 0, whole = 0] = await page.evaluate<number[]>(
    '[document.documentElement.clientWidth, document.documentElement.scrollHeight]',
  );
  const height = Math.min(whole, tallest);
  await page.screenshot({
    ...{ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled', caret: 'hide' },
    clip: { x: 0, y: part === 'end' ? whole - height : 0, width, height },
  });
  await page.emulateMedia({ colorScheme: null });
}
