import { join } from 'node:path';
import { components, contrastsOfText, findComponent, openBrowser } from '@countersign/testkit';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderReport, reportOfBundle, verifyBundle } from '../index.ts';
import { tellOrder } from '../testing/order-story.ts';

const chromium = findComponent(components.chromium);
/** Directory for screenshots of the pages, if any. */
const shots = process.env['COUNTERSIGN_SHOTS'];

describe.skipIf(!chromium.found)(
  `the report in a browser${chromium.found ? '' : ` (skipped: ${chromium.reason})`}`,
  () => {
    let browser: Browser;
    let html = '';
    beforeAll(async () => {
      const opened = await openBrowser();
      if (opened.browser === undefined) throw new Error(opened.reason);
      browser = opened.browser;
      const story = tellOrder();
      const bundle = await story.bundle();
      const verification = verifyBundle(bundle, { trust: { logVerifierKey: story.log.verifierKey } });
      html = [...renderReport(reportOfBundle(bundle, verification, { verifiedBy: 'By a test.' }))].join('');
    });
    afterAll(() => browser.close());

    it.each(['light', 'dark'] as const)(
      'is legible in %s, makes no requests, and fits on a narrow screen',
      async (colorScheme) => {
        const page = await browser.newPage({ colorScheme, viewport: { width: 400, height: 800 } });
        const asked: string[] = [];
        const faults: string[] = [];
        page.on('request', (request) => asked.push(request.url()));
        page.on('console', (message) => faults.push(message.text()));
        await page.setContent(html);
        expect(asked).toEqual([]);
        expect(faults).toEqual([]);
        if (shots !== undefined)
          await page.screenshot({ path: join(shots, `report-${colorScheme}.png`), fullPage: true });
        expect(
          await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'),
        ).toBe(true);
        // The colour of text in drawings is its `fill`: the next test checks it.
        await page.evaluate("for (const each of document.querySelectorAll('svg')) each.remove()");
        expect((await contrastsOfText(page)).filter(({ contrast }) => contrast < 4.5)).toEqual([]);
        await page.close();
      },
    );

    it.each(['light', 'dark'] as const)(
      'draws boxes that do not overlap, each large enough for its text, legible in %s',
      async (colorScheme) => {
        const page = await browser.newPage({ colorScheme, viewport: { width: 1800, height: 1000 } });
        await page.setContent(html);
        const boxes = await page.evaluate<readonly Box[]>(boxesScript);
        expect(boxes.length).toBeGreaterThan(10);
        for (const [number, box] of boxes.entries()) {
          expect(box.contrast, box.text).toBeGreaterThanOrEqual(4.5);
          expect(box.textWidth, box.text).toBeLessThanOrEqual(box.width);
          for (const other of boxes.slice(number + 1))
            expect(
              box.x < other.x + other.width &&
                other.x < box.x + box.width &&
                box.y < other.y + other.height &&
                other.y < box.y + box.height,
              `${box.text} over ${other.text}`,
            ).toBe(false);
        }
        await page.close();
      },
    );
  },
);

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly text: string;
  readonly textWidth: number;
  /** WCAG 2.2 contrast ratio of the palest text in the box. */
  readonly contrast: number;
}

// As text, because it runs in the page: there is no `document` where this file is compiled.
const boxesScript = String.raw`(() => {
  const luminance = (colour) => {
    const [red, green, blue] = (colour.match(/[\d.]+/g) ?? []).map((channel) => {
      const value = Number(channel) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  return [...document.querySelectorAll('.evidence-graph:not(.timeline) g:has(> rect)')].map((group) => {
    const rect = group.querySelector('rect');
    const texts = [...group.querySelectorAll('text')];
    const ground = getComputedStyle(rect).fill;
    const { x, y, width, height } = rect.getBBox();
    return {
      x, y, width, height,
      text: texts.map((text) => text.textContent).join(' '),
      textWidth: Math.max(...texts.map((text) => text.getBBox().width)),
      contrast: Math.min(...texts.map((text) => contrast(getComputedStyle(text).fill, ground))),
    };
  });
})()`;
