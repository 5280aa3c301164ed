import { expect, it } from 'vitest';
import { visible } from './visible.ts';

it.each([
  ['permit (principal, action, resource);', 'permit (principal, action, resource);'],
  ['\u001b[1A\u001b[2Kpermit', '\\u001b[1A\\u001b[2Kpermit'],
  ['a\u202eb', 'a\\u202eb'],
  ['a\u200bb', 'a\\u200bb'],
  ['a\rb\nc', 'a\\u000db\\u000ac'],
  ['\tbei Müller', '  bei Müller'],
])('%j is shown as what it is', (text, shown) => {
  expect(visible(text)).toBe(shown);
});
