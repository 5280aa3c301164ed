import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DiffLine, diffLines } from './text-diff.ts';

const shown = (lines: readonly DiffLine[]): readonly string[] =>
  lines.map((line) => (line.kind === 'gap' ? '...' : `${{ same: ' ', add: '+', remove: '-' }[line.kind]}${line.text}`));

describe('the difference of two texts', () => {
  it('is empty for equal texts', () => {
    expect(diffLines('a\nb', 'a\nb')).toEqual([]);
  });

  it('is empty if only the end of the last line is missing', () => {
    expect(diffLines('a\nb', 'a\nb\n')).toEqual([]);
  });

  it('shows removed and added lines with their context', () => {
    const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'].join('\n');
    expect(shown(diffLines(before, before.replace('5', 'five')))).toEqual([
      '...',
      ' 3',
      ' 4',
      '-5',
      '+five',
      ' 6',
      ' 7',
      '...',
    ]);
    expect(shown(diffLines('a\nb\nc', 'a\nc'))).toEqual([' a', '-b', ' c']);
    expect(shown(diffLines('', 'a'))).toEqual(['+a']);
  });

  const texts = fc
    .array(fc.constantFrom('a', 'b', 'c', '', '}'), { minLength: 1, maxLength: 12 })
    .map((lines) => lines.join('\n'));
  it('turns one into the other, and is no longer than both', () => {
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const lines = diffLines(before, after, 100);
        const side = (without: string) =>
          lines.flatMap((line) => (line.kind === 'gap' || line.kind === without ? [] : [line.text]));
        const read = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
        if (JSON.stringify(read(before)) === JSON.stringify(read(after))) {
          expect(lines).toEqual([]);
          return;
        }
        expect(side('add')).toEqual(read(before));
        expect(side('remove')).toEqual(read(after));
      }),
    );
  });

  it('of two very long unrelated texts is found without comparing every pair', () => {
    const long = (mark: string) => Array.from({ length: 5_000 }, (_, index) => `${mark}${index}`).join('\n');
    expect(diffLines(long('a'), long('b'))).toHaveLength(10_000);
  });
});
