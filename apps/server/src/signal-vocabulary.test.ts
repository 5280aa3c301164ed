import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { blockingSignals, personSignals } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';

const components = fileURLToPath(new URL('../../../components/', import.meta.url));

/** Production sources of every component. */
const sources = readdirSync(components, { recursive: true, encoding: 'utf8' })
  .filter(
    (file) => file.includes('/src/') && file.endsWith('.ts') && !/node_modules|\.test\.ts$|\/testing\//.test(file),
  )
  .map((file) => readFileSync(`${components}${file}`, 'utf8'));

const policies = ['sign-in.cedar'].map((file) => readFileSync(`${components}policy-engine/policies/${file}`, 'utf8'));

describe('the vocabulary of signals about people', () => {
  it.each(personSignals)('has code that raises %s', (signal) => {
    const raised = new RegExp(`\\b(?:raise|raiseIn|push)\\b[^;]*?\\bname: '${signal}'`, 's');
    expect(sources.some((source) => raised.test(source))).toBe(true);
  });

  it('offers policies no signal that is never raised', () => {
    const known = new Set<string>([...personSignals, 'device-unknown']);
    for (const text of policies)
      for (const [, list = ''] of text.matchAll(/context\.signals\.contains(?:Any|All)?\(\[?([^\])]*)/g))
        for (const [, signal = ''] of list.matchAll(/"([^"]+)"/g)) expect(known, signal).toContain(signal);
  });

  it('has a rule that reads each signal', () => {
    // `risk-signal-needs-step-up` checks whether there is any signal at all.
    expect(policies.join('\n')).toMatch(/!context\.signals\.isEmpty\(\)/);
    for (const signal of blockingSignals) expect(policies.join('\n')).toContain(`"${signal}"`);
  });
});
