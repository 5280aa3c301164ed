import { components, findComponent } from '@countersign/testkit';
import { describe, it } from 'vitest';
import { guideDoesWhatItSays } from '../testing/guide-test.ts';

const openssl = findComponent(components.openssl);

if (openssl.found) guideDoesWhatItSays('workloads.md', 8, { alsoAsRoot: true });
else describe.skip(`the guide (skipped: ${openssl.reason})`, () => it('works as described', () => undefined));
