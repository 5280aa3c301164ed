import { approverRoles, authenticatorErrors, transactionErrors, transactionStates } from '@countersign/contracts';
import { describeAuthorizationDetail, parseAuthorizationDetail, partyRoles } from '@countersign/market';
import { describe, expect, it } from 'vitest';
import { examples } from '../../../../protocols/market/src/testing/example-details.ts';
import { momentIn } from '../pages/drawing.ts';
import { approverPageErrors } from '../pages/problem-page.ts';
import { de } from './de.ts';
import { en } from './en.ts';

/** Names of the texts at every depth, including those of functions. */
function namesIn(value: unknown, path = ''): readonly string[] {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => namesIn(inner, `${path}/${name}`))
    : [path];
}
const own = ({ labels: _labels, states: _states, ...rest }: object & { labels: unknown; states: unknown }) => rest;

describe('the texts', () => {
  it('are the same in both languages, and none is empty', () => {
    expect(namesIn(own(de))).toEqual(namesIn(own(en)));
    for (const catalogue of [en, de]) expect(JSON.stringify(catalogue)).not.toContain('""');
  });

  it('name every state, every role, and every field of every kind of intent in German', () => {
    for (const state of transactionStates) expect(de.states).toHaveProperty(state);
    for (const role of approverRoles) expect(de.roles).toHaveProperty([role]);
    const labels = Object.values(examples).flatMap((example) => {
      const parsed = parseAuthorizationDetail(example);
      if (!parsed.ok) throw new Error(parsed.detail);
      return describeAuthorizationDetail(parsed.value).lines.map(({ label }) => label);
    });
    const shown = [...labels, ...partyRoles].filter((label) => label !== 'Actions' && label !== 'At');
    for (const label of shown) expect(de.labels).toHaveProperty([label]);
  });

  it('cover every error that can occur on these pages', () => {
    const approvals = Object.keys(transactionErrors.codes).filter(
      (code) => /^approval_(?!required|not_found|signature)/.test(code) || code === 'duties_combined',
    );
    // Errors of key registration and of operators cannot occur where something is signed.
    const elsewhere = ['credential_registered', 'device_bound_required', 'person_not_yours', 'recovery_needed'];
    const families = /^(?:attestation_|invitation_|authenticators_|authenticator_(?:model|not|last))/;
    const signing = Object.keys(authenticatorErrors.codes).filter(
      (code) => !families.test(code) && !elsewhere.includes(code),
    );
    for (const code of [...approvals, ...signing, ...Object.keys(approverPageErrors.codes)])
      expect(en.problems).toHaveProperty([code]);
  });
});

describe('a point in time', () => {
  it('is shown with its zone, and also in UTC when that differs', () => {
    const at = '2026-06-15T18:00:00Z';
    expect(momentIn('en', 'UTC')(at)).toBe('Monday, 15 June 2026 at 18:00 UTC');
    expect(momentIn('en', 'Europe/Berlin')(at)).toMatch(
      /^Monday, 15 June 2026 at 20:00 (?:CEST|GMT\+2) \(.*18:00 UTC\)$/,
    );
    expect(momentIn('de', 'Europe/Berlin')(Date.parse(at))).toMatch(
      /^Montag, 15\. Juni 2026.* 20:00 MESZ \(.*18:00 UTC\)$/,
    );
  });
});
