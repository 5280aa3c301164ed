import { components, findComponent } from '@countersign/testkit';
import { describe, it } from 'vitest';
import { guideDoesWhatItSays } from '../testing/guide-test.ts';

const needed = [findComponent(components.certbot), findComponent(components.openssl)];
const missing = needed.flatMap((component) => (component.found ? [] : [component.reason]));

if (missing.length === 0) guideDoesWhatItSays('certbot.md', 7, { alsoAsRoot: true });
else describe.skip(`the guide (skipped: ${missing.join('; ')})`, () => it('does what it says', () => undefined));
