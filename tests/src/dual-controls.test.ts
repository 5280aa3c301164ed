import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { revocationLift } from '@countersign/authorization-server';
import { incidentReview, secondHolder } from '@countersign/break-glass';
import { authorityApproval } from '@countersign/certificate-authority';
import { createSecondPerson, type DualControl, type SecondOfTwo, type WaitingProposal } from '@countersign/commands';
import type { ProposerLapse } from '@countersign/contracts';
import { changeApproval } from '@countersign/directory';
import { haltRelease } from '@countersign/halt';
import { digestOf } from '@countersign/kernel';
import { checkSeparation } from '@countersign/market';
import { candidateApproval } from '@countersign/policy-engine';
import { erasureApproval, holdRelease, retentionApproval } from '@countersign/retention';
import { secretApproval } from '@countersign/secrets';
import { fixedClock } from '@countersign/testkit';
import { workloadApproval } from '@countersign/workload-identity';
import { describe, expect, it } from 'vitest';

// Every dual control of the product, from the declarations of its components.

const root = fileURLToPath(new URL('../..', import.meta.url));
const now = Date.parse('2026-11-24T10:00:00Z');
const digest = digestOf('what was proposed');

interface Circumstances {
  readonly independent?: boolean;
  readonly lapse?: ProposerLapse;
}

/** A control with the outcome for each possible approver. */
function row<Code extends string>(control: DualControl<Code>) {
  const codes: Readonly<Record<string, string | undefined>> = control.codes;
  return {
    control,
    /** @returns the code of the refusal; undefined if approved */
    async asks(
      proposal: Partial<WaitingProposal>,
      approver: Partial<SecondOfTwo>,
      { independent = true, lapse }: Circumstances = {},
    ): Promise<string | undefined> {
      const rules = {
        clock: fixedClock(now),
        independence: async () => independent,
        proposerStanding: async () => lapse,
      };
      const second =
        control.proposer === 'keeps-right'
          ? createSecondPerson({ ...control, proposer: control.proposer }, rules)
          : createSecondPerson({ ...control, proposer: control.proposer }, rules);
      const refusal = await second.refusalOf(
        {
          people: ['person:anna', 'service:console'],
          proposedAt: now - 1_000,
          decided: undefined,
          ...(control.proposer === 'keeps-right' ? { scope: 'policy:propose' } : {}),
          ...(control.waitsMs === 'until-decided' ? {} : { expiresAt: now + 1 }),
          ...(control.approves === 'digest' ? { digest } : {}),
          ...proposal,
        },
        { people: ['person:ben', 'service:other'], ...(control.approves === 'digest' ? { digest } : {}), ...approver },
      );
      return refusal?.code;
    },
    codeOf: (fault: string): string => codes[fault] ?? control.codes.settled,
  };
}

const controls = {
  candidateApproval: row(candidateApproval),
  changeApproval: row(changeApproval),
  authorityApproval: row(authorityApproval),
  secretApproval: row(secretApproval),
  workloadApproval: row(workloadApproval),
  haltRelease: row(haltRelease),
  retentionApproval: row(retentionApproval),
  erasureApproval: row(erasureApproval),
  holdRelease: row(holdRelease),
  revocationLift: row(revocationLift),
  secondHolder: row(secondHolder),
  incidentReview: row(incidentReview),
};

describe.each(Object.entries(controls))('%s', (_, { control, asks, codeOf }) => {
  it('lets another person approve the proposal in time', async () => {
    expect(await asks({}, {})).toBeUndefined();
    expect(control.quorum).toBe(1);
  });

  it.each([
    ['its proposer', ['person:anna']],
    ['a person acting through the proposer', ['person:ben', 'person:anna']],
    ['the software through which it was proposed', ['service:console']],
    ['a person acting through the same software', ['person:ben', 'service:console']],
  ])('is not approved by %s', async (_who, people) => {
    expect(await asks({}, { people })).toBe(codeOf('self'));
  });

  it('is not approved by somebody whom the proposer invited, nor by whoever invited the proposer', async () => {
    expect(await asks({}, {}, { independent: false })).toBe(codeOf('dependent'));
  });

  it('is decided once', async () => {
    expect(await asks({ decided: 'approved' }, {})).toBe(codeOf('settled'));
    expect(await asks({ decided: 'rejected' }, {})).toBe(codeOf('settled'));
  });

  it.skipIf(control.waitsMs === 'until-decided')('is not approved after its deadline', async () => {
    expect(await asks({ expiresAt: now }, {})).toBe(codeOf('expired'));
    expect(await asks({ expiresAt: Number.NaN }, {})).toBe(codeOf('expired'));
    if (typeof control.waitsMs === 'number') expect(control.waitsMs).toBeGreaterThan(0);
  });

  it.skipIf(control.approves === 'id')('is approved only by the digest of the proposal', async () => {
    expect(control.codes.digest).toBeDefined();
    expect(await asks({}, { digest: digestOf('else') })).toBe(codeOf('digest'));
    expect(await asks({}, { digest: '' })).toBe(codeOf('digest'));
    expect(await asks({ digest: '' }, {})).toBe(codeOf('digest'));
  });

  it
    .skipIf(control.proposer !== 'keeps-right')
    .each<ProposerLapse>(['left', 'moved', 'locked', 'revoked', 'right-lost'])(
    'is not approved once its proposer has %s',
    async (lapse) => {
      expect(control.codes.gone).toBeDefined();
      expect(await asks({}, {}, { lapse })).toBe(codeOf('gone'));
    },
  );

  it('separates the two duties', () => {
    if ('people' in control.separates) return expect(control.separates.people).not.toBe('');
    const [propose, approve] = control.separates.scopes;
    for (const one of propose)
      for (const other of approve)
        expect(checkSeparation(new Set([one, other]))).toMatchObject({ ok: false, pair: [one, other] });
  });
});

/** Other code that checks independence, with the reason why it is not a dual control. */
const ofTheirOwn = {
  // Several functions of one institution, in one direction: the inviter may approve, the invited may not.
  'components/recovery/src/people.ts': 'createIndependence',
};

describe('the sources', () => {
  const files = readdirSync(join(root, 'components'))
    .filter((component) => component !== 'transaction-registry')
    .flatMap((component) =>
      readdirSync(join(root, 'components', component, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|(^|\/)testing\//.test(file))
        .map((file) => `components/${component}/src/${file}`),
    )
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

  it('declare no control that is not in this table', () => {
    const opened = files.flatMap(({ text }) =>
      [...text.matchAll(/createSecondPerson\(\s*(\w+),/g)].map(([, name]) => name),
    );
    expect(opened.toSorted()).toEqual(Object.keys(controls).toSorted());
  });

  it('compare two people nowhere else', () => {
    const comparing = files
      .filter(({ text }) => /sharePeople\(|createIndependence\(|\bindependence\(/.test(text))
      .filter(({ text }) => !text.includes('createSecondPerson('))
      .map(({ file }) => file);
    expect(comparing).toEqual(Object.keys(ofTheirOwn));
  });
});
