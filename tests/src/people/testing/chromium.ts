import { components, findComponent } from '@countersign/testkit';

const chromium = findComponent(components.chromium);

/** Whether there is a browser to test in; with what to install where there is none, for the names of tests. */
export const withoutBrowser = !chromium.found;
export const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;
