import { describe, expect, it } from 'vitest';
import { isVisibleText, replaceUnseen } from './visible-text.ts';

const unseen = [
  ['HANGUL FILLER', '\u3164'],
  ['HANGUL CHOSEONG FILLER', '\u115f'],
  ['HALFWIDTH HANGUL FILLER', '\uffa0'],
  ['BRAILLE PATTERN BLANK', '\u2800'],
  ['VARIATION SELECTOR-1', '\ufe00'],
  ['VARIATION SELECTOR-16', '\ufe0f'],
  ['VARIATION SELECTOR-17', '\u{e0100}'],
  ['COMBINING GRAPHEME JOINER', '\u034f'],
  ['MONGOLIAN VOWEL SEPARATOR', '\u180e'],
  ['SOFT HYPHEN', '\u00ad'],
  ['ZERO WIDTH SPACE', '\u200b'],
  ['RIGHT-TO-LEFT OVERRIDE', '\u202e'],
  ['LINE SEPARATOR', '\u2028'],
  ['ZERO WIDTH NO-BREAK SPACE', '\ufeff'],
  ['TAG LATIN SMALL LETTER A', '\u{e0061}'],
  ['a lone surrogate', '\ud800'],
  ['ZERO WIDTH JOINER', '\u200d'],
  ['ZERO WIDTH NON-JOINER before a space', '\u200c '],
] as const;

describe('text shown to people', () => {
  it.each(unseen)('holds no %s', (_name, character) => {
    expect(isVisibleText(`Bank${character}AG`)).toBe(false);
    expect(isVisibleText(character)).toBe(false);
    expect(replaceUnseen(`Bank${character.trim()}AG`, '?')).toMatch(/^Bank\??AG$/);
  });

  it.each([
    'Bank AG',
    'Crédit d’Été',
    '東京証券',
    'بانک ملی ایران',
    'می\u200cخواهم',
    'क्\u200dष',
    'Ünïcode (2026) №5 🙂',
  ])('is %s', (text) => {
    expect(isVisibleText(text)).toBe(true);
    expect(replaceUnseen(text, '?')).toBe(text);
  });

  it.each(['', ' ', '\u00a0', '\u3000'])('is not blank: %j', (text) => {
    expect(isVisibleText(text)).toBe(false);
  });
});
