import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html } from './html.ts';
import { page } from './page.ts';

describe('html', () => {
  it('escapes every value and includes its own markup unescaped', () => {
    const name = `<script>alert("x" & 'y')</script>`;
    expect(html`<p title="${name}">${html`<b>${name}</b>`}</p>`.toString()).toBe(
      '<p title="&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;">' +
        '<b>&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;</b></p>',
    );
  });

  it('joins lists and omits missing values', () => {
    const rows = ['a', '<'].map((each) => html`<li>${each}</li>`);
    expect(html`<ul>${rows}</ul>${undefined}${null}${false}${0}${12n}${''}`.toString()).toBe(
      '<ul><li>a</li><li>&lt;</li></ul>012',
    );
  });

  it('escapes a value that only looks like our markup', () => {
    const parsed: unknown = JSON.parse('{"text":"<b>"}');
    const impostor = String(parsed instanceof Object && 'text' in parsed ? parsed.text : '');
    expect(html`${impostor}`.toString()).toBe('&lt;b&gt;');
    expect(html`${[[impostor]]}`.toString()).toBe('&lt;b&gt;');
  });

  it('shows characters that would reverse or hide text', () => {
    expect(html`${'pay \u202eelttil\u2066\u0000\u001b\u0085'}\n${'a\tb\nc'}`.toString()).toBe(
      'pay \ufffdelttil\ufffd\ufffd\ufffd\ufffd\na\tb\nc',
    );
  });

  it.each([
    '\u00ad',
    '\u061c',
    '\u200b',
    '\u200f',
    '\u2028',
    '\u2060',
    '\ufeff',
    '\u{e0041}',
    '\u3164',
    '\u115f',
    '\u2800',
    '\ufe0f',
  ])('shows that a name holds the invisible %j', (hidden) => {
    expect(html`${`Example ${hidden}Bank`}`.toString()).toBe('Example \ufffdBank');
  });

  it('leaves names in every script unchanged', () => {
    const names =
      'B\u00e4r & S\u00f6hne, \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645, \u0915\u094d\u200d\u0937, \u{1f469}\u200d\u{1f4bb}';
    expect(html`${names}`.toString()).toBe(names.replace('&', '&amp;'));
  });

  it('keeps text inside a quoted attribute and outside tags', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = html`${text}`.toString();
        return !/[<>"']/.test(written) && !/&(?!(?:amp|lt|gt|quot|#39);)/.test(written);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a page', () => {
  const document = page({ title: 'A & B', body: html`<h1>A</h1>`, banner: 'Development' }).toString();

  it('has a language, a title, landmarks, and a link past the header', () => {
    for (const part of [
      '<!doctype html>',
      '<html lang="en">',
      '<title>A &amp; B · Countersign</title>',
      '<main id="main"',
      '<a class="skip" href="#main">',
      '<header',
      '<footer',
      'Development',
      'width=device-width',
    ])
      expect(document).toContain(part);
  });

  it('makes requests only to our own origin, and runs no script', () => {
    const addresses = [...document.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.length).toBeGreaterThanOrEqual(3);
    for (const address of addresses) expect(address).toMatch(/^(?:\/(?!\/)|#)/);
    expect(document).not.toMatch(/<script|<style|style=|\son\w+=|http-equiv/i);
  });
});
