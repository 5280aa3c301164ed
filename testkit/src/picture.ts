import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Saves a screenshot of the whole page in the folder `COUNTERSIGN_SCREENSHOTS`, if set. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = process.env['COUNTERSIGN_SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
