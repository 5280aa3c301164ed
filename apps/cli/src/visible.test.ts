import { CodedError } from '@countersign/kernel';
import { expect, it, vi } from 'vitest';
import { reportFailure } from './output.ts';
import { visible, visibleLines } from './visible.ts';

it.each([
  ['permit (principal, action, resource);', 'permit (principal, action, resource);'],
  ['\u001b[1A\u001b[2Kpermit', '\\u001b[1A\\u001b[2Kpermit'],
  ['a\u202eb', 'a\\u202eb'],
  ['a\u200bb', 'a\\u200bb'],
  ['a\rb\nc', 'a\\u000db\\u000ac'],
  ['\tbei Müller', '  bei Müller'],
])('%j is shown without control characters', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

it('keeps the lines of a multi-line text', () => {
  expect(visibleLines('a\n\u001b[2Jb')).toBe('a\n\\u001b[2Jb');
});

it('a failure that quotes others is printed without control characters', () => {
  const written: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    const detail = 'a.cedar:1:1 quoted\u001b[2J';
    reportFailure(
      new CodedError({ code: 'policy_invalid', category: 'invalid', detail, facts: { name: 'a\u202eb\u009bc' } }),
    );
  } finally {
    write.mockRestore();
  }
  expect(written.join('')).toContain('quoted\\u001b[2J');
  expect(written.join('')).not.toMatch(/[\u202e\u009b]/);
});
