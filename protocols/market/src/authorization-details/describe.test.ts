import { parseInstant } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorizationDetailTypes, describeAuthorizationDetail, parseAuthorizationDetail } from '../index.ts';
import { arbitraryDetail } from '../testing/arbitrary-details.ts';
import { examples, settlementAccount } from '../testing/example-details.ts';

interface Leaf {
  readonly key: string;
  readonly value: string | number | boolean;
}

/** Every value that is neither object nor list, with its field name. */
function leavesOf(value: unknown, key = ''): readonly Leaf[] {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return [{ key, value }];
  return Object.entries(Object(value)).flatMap(([name, member]) => leavesOf(member, Array.isArray(value) ? key : name));
}

const amounts = ['amount', 'qty', 'max_qty', 'max_fee'];
const instants = ['not_after', 'quote_expiry', 'cooling_off_until'];

/** Whether the lines show the decoded value of a leaf. */
function shows(lines: readonly { readonly label: string; readonly value: string }[], { key, value }: Leaf): boolean {
  const texts = lines.map((line) => `${line.label}: ${line.value}`);
  const words = texts.flatMap((text) => text.split(' '));
  if (key === 'dvp')
    return texts.some((text) => text.endsWith(value === true ? 'only against payment' : 'free of payment'));
  if (typeof value !== 'string') return words.includes(String(value));
  if (amounts.includes(key)) return ungrouped(texts.join('\n')).includes(value);
  if (instants.includes(key))
    return lines.some(
      (line) => parseInstant(line.value.replace(' UTC', 'Z').replace(' ', 'T')) === parseInstant(value),
    );
  return texts.some((text) => text.toLowerCase().includes(value.toLowerCase()));
}

/** Splits text into words and removes the commas that group digits. */
function ungrouped(text: string): readonly string[] {
  return text.split(/\s/).map((word) => word.replaceAll(',', ''));
}

function occurrences(of: string, text: string): number {
  return text.split(of).length - 1;
}

describe('the description of an authorization detail', () => {
  it.each(authorizationDetailTypes)('of type %s shows every field once', (type) => {
    fc.assert(
      fc.property(arbitraryDetail(type), (detail) => {
        const { lines } = describeAuthorizationDetail(detail);
        const leaves = leavesOf(detail);
        for (const leaf of leaves) expect(shows(lines, leaf), `${leaf.key} ${leaf.value}`).toBe(true);
        const shown = lines.flatMap(({ label, value }) => [label, value]).join('\n');
        const held = leaves.map(({ value }) => String(value)).join('\n');
        for (const { key, value } of leaves) {
          if (typeof value !== 'string' || instants.includes(key)) continue;
          if (amounts.includes(key))
            expect(ungrouped(shown).filter((word) => word === value)).toHaveLength(
              held.split('\n').filter((each) => each === value).length,
            );
          // Short values occur inside other values by chance.
          else if (value.length >= 16)
            expect(occurrences(value, shown), `${key} ${value}`).toBe(occurrences(value, held));
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each(authorizationDetailTypes)('of type %s never puts input into a label', (type) => {
    fc.assert(
      fc.property(arbitraryDetail(type), (detail) => {
        for (const { label } of describeAuthorizationDetail(detail).lines)
          expect(label).toMatch(/^[A-Z][A-Za-z0-9() -]{1,40}$/);
      }),
      { numRuns: 20 },
    );
  });

  it.each(authorizationDetailTypes)('of type %s is in whole sentences of plain text', (type) => {
    fc.assert(
      fc.property(arbitraryDetail(type), (detail) => {
        const { title, sentences } = describeAuthorizationDetail(detail);
        expect(sentences.length).toBeGreaterThanOrEqual(3);
        for (const text of [title, ...sentences]) {
          expect(text).toMatch(/^[A-Z][^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u);
          expect(text).not.toMatch(/ {2}|undefined|null|\[object/);
        }
        for (const sentence of sentences) expect(sentence.endsWith('.')).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it.each<[keyof typeof examples, readonly string[]]>([
    [
      'trade_order',
      [
        'Buy at most 1,000 of ISIN US0378331005 for account ACC-001 on XNAS, at 190.125 USD or better, for at most 190,125 USD (US Dollar) in all.',
        'The algorithm vwap, version 3.2.1, takes part in it.',
      ],
    ],
    [
      'rfq',
      [
        'Ask 2 firms for quotes on XNAS: buy at most 1,000 of UPI QZRBG6ZTKS42 for account ACC-001, at 190.125 USD or better, for at most 190,125 USD (US Dollar) in all.',
        'The quote dealt on is Q-1.',
        'The algorithm vwap, version 3.2.1, takes part in it.',
      ],
    ],
    [
      'allocation',
      [
        'Divide 2 executed trades among 2 accounts, 1,000 in all.',
        'The trades are given up to LEI 5493001KJTIIGC8Y1R12.',
      ],
    ],
    [
      'clearing_submission',
      [
        "Submit trade 529900T8BM49AURSDO55TRADE0001 to the central counterparty LEI 5493001KJTIIGC8Y1R12, cleared by LEI HWUPKR0MPOU8FGXBT394 on an account that is the firm's own.",
      ],
    ],
    [
      'settlement_instruction',
      [
        'On 2026-11-24, 190,125.5 USD goes from LEI 529900T8BM49AURSDO55, account CASH-1, to LEI HWUPKR0MPOU8FGXBT394, account CASH-9.',
        'It is delivered only against payment.',
      ],
    ],
    ['collateral_transfer', ['Deliver 250,000 EUR as collateral under the agreement CSA-1.']],
    [
      'address_book_change',
      [
        'Change the address book for token DTI X9J9K872S on the chain eip155:1: the address 0x52908400098527886E0F7030069857D2E4169EE7 of LEI HWUPKR0MPOU8FGXBT394.',
        'It cannot be used before 2026-11-23 09:30:00 UTC.',
      ],
    ],
    [
      'withdrawal',
      [
        'Withdraw 12.5 of token DTI X9J9K872S on the chain eip155:1 to the address-book entry ADDR-1, for a fee of at most 0.01.',
        'The transfer is a contract call.',
      ],
    ],
    [
      'regulatory_report',
      [
        'Report trade 529900T8BM49AURSDO55TRADE0001 under EMIR to the trade repository LEI 5493001KJTIIGC8Y1R12: new trade.',
      ],
    ],
    [
      'privileged_admin',
      ['Carry out policy.publish on https://countersign.example/policies/limits, under the ticket CHG-1.'],
    ],
  ])('describes a %s in plain language', (name, own) => {
    const parsed = parseAuthorizationDetail(examples[name]);
    if (!parsed.ok) throw new Error(parsed.detail);
    expect(describeAuthorizationDetail(parsed.value).sentences).toEqual([
      ...own,
      'This is done for LEI 529900T8BM49AURSDO55 under the law of Germany (DE), on the authority of mandate mnd_01k9z3m8q4d6s0v2x5y7a9b1c3.',
      'It can be started until 2026-11-21 17:30:00 UTC.',
    ]);
  });

  it('distinguishes a settlement account of the address book from an address', () => {
    const parsed = parseAuthorizationDetail(settlementAccount);
    if (!parsed.ok) throw new Error(parsed.detail);
    const { title, sentences } = describeAuthorizationDetail(parsed.value);
    expect(title).toBe('Change the address book: CASH-9');
    expect(sentences[0]).toBe(
      'Change the address book: the settlement account CASH-9 at CEDELULLXXX of LEI HWUPKR0MPOU8FGXBT394.',
    );
  });
});
