import { components, findComponent } from '@countersign/testkit';

const chromium = findComponent(components.chromium);

/** Whether there is a browser to test with; test names say what to install otherwise. */
export const withoutBrowser = !chromium.found;
export const skipped = chromium.found ? '' : ` (skipped: ${chromium.reason})`;
