import { components, findComponent, findSoftHsm } from '@countersign/testkit';
import { describe, it } from 'vitest';
import { guideDoesWhatItSays } from '../testing/guide-test.ts';

const needed = [findSoftHsm(), findComponent(components.pkcs11Tool)];
const missing = needed.flatMap((component) => (component.found ? [] : [component.reason]));

if (missing.length === 0) guideDoesWhatItSays('keys-in-an-hsm.md', 7, { alsoAsRoot: true });
else describe.skip(`the guide (skipped: ${missing.join('; ')})`, () => it('works as described', () => undefined));
