import type { Independence, ProposerLapse } from '@countersign/contracts';
import { digestOf, errorVocabulary } from '@countersign/kernel';
import { fixedClock } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { createSecondPerson, type DualControl, type SecondOfTwo, type WaitingProposal } from './second-person.ts';

const errors = errorVocabulary({
  thing_decided: 'conflict',
  thing_expired: 'conflict',
  thing_own: 'forbidden',
  thing_digest: 'conflict',
  thing_dependent: 'forbidden',
  thing_proposer_gone: 'conflict',
});
const now = 1_800_000_000_000;
const digest = digestOf('what was proposed');

const control = {
  what: 'thing',
  approves: 'digest',
  waitsMs: 1_001,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['policy:propose'], ['policy:approve']] },
  codes: {
    settled: 'thing_decided',
    expired: 'thing_expired',
    self: 'thing_own',
    digest: 'thing_digest',
    dependent: 'thing_dependent',
    gone: 'thing_proposer_gone',
  },
  error: errors.error,
} as const satisfies DualControl<keyof typeof errors.codes>;

function rules(
  given: {
    readonly control?: { readonly approves: 'id' };
    readonly lapse?: ProposerLapse;
    readonly independence?: Independence;
  } = {},
) {
  const asked: unknown[] = [];
  const second = createSecondPerson(
    {
      ...control,
      ...given.control,
    },
    {
      clock: fixedClock(now),
      independence: given.independence ?? (async () => true),
      proposerStanding: async (proposal) => {
        asked.push(proposal);
        return given.lapse;
      },
    },
  );
  return { ...second, asked };
}

const proposal: WaitingProposal = {
  people: ['person:anna', 'service:console'],
  scope: 'policy:propose',
  proposedAt: now - 1000,
  expiresAt: now + 1,
  decided: undefined,
  digest,
};
const ben: SecondOfTwo = { people: ['person:ben', 'service:other-console'], digest };

describe('a second approval', () => {
  it('comes from another person, for the proposal, before it expires', async () => {
    const { refusalOf, asked } = rules();
    expect(await refusalOf(proposal, ben)).toBeUndefined();
    expect(asked).toEqual([{ proposers: proposal.people, scope: 'policy:propose', since: now - 1000 }]);
  });

  it.each<[string, Partial<WaitingProposal>, Partial<SecondOfTwo>, string]>([
    ['it was decided', { decided: 'approved' }, {}, 'thing_decided'],
    ['its time is over', { expiresAt: now }, {}, 'thing_expired'],
    ['its expiry is not a number', { expiresAt: Number.NaN }, {}, 'thing_expired'],
    ['they proposed it', {}, { people: ['person:anna'] }, 'thing_own'],
    ['they act through whom it was proposed', {}, { people: ['person:ben', 'service:console'] }, 'thing_own'],
    ['they act through who proposed it', {}, { people: ['person:ben', 'person:anna'] }, 'thing_own'],
    ['they have read something else', {}, { digest: digestOf('else') }, 'thing_digest'],
    ['they name no digest', {}, { digest: '' }, 'thing_digest'],
  ])('is refused if %s', async (_, change, by, code) => {
    const error = await rules().refusalOf({ ...proposal, ...change }, { ...ben, ...by });
    expect(error?.code).toBe(code);
  });

  it('needs no digest if none is named, and has no end if there is none', async () => {
    const { digest: _, expiresAt: __, ...rest } = proposal;
    expect(await rules({ control: { approves: 'id' } }).refusalOf(rest, { people: ben.people })).toBeUndefined();
  });

  it('is refused without a digest if one must be named', async () => {
    const { digest: _, ...rest } = proposal;
    expect((await rules().refusalOf(rest, { people: ben.people }))?.code).toBe('thing_digest');
  });

  it('is refused from a person who was admitted by the first, or admitted them', async () => {
    const asked: (readonly string[])[][] = [];
    const { refusalOf } = rules({
      independence: async (...sides) => {
        asked.push(sides);
        return false;
      },
    });
    expect((await refusalOf(proposal, ben))?.code).toBe('thing_dependent');
    expect(asked).toEqual([[proposal.people, ben.people]]);
  });

  it.each(['left', 'moved', 'locked', 'revoked', 'right-lost'] as const)(
    'is refused if the proposer has %s',
    async (lapse) => {
      const error = await rules({ lapse }).refusalOf(proposal, ben);
      expect([error?.code, error?.detail]).toEqual(['thing_proposer_gone', expect.stringContaining('proposed')]);
    },
  );

  it('is possible for something in force after its proposer has left', async () => {
    const { scope: _, ...rest } = proposal;
    const { refusalOf, asked } = rules({ lapse: 'left' });
    expect(await refusalOf(rest, ben)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('knows the status of its proposal', () => {
    const { statusOf, settled } = rules();
    expect([statusOf(proposal), statusOf({ ...proposal, expiresAt: now }), statusOf({ decided: 'rejected' })]).toEqual([
      'proposed',
      'expired',
      'rejected',
    ]);
    expect(settled({ decided: 'rejected' })?.facts).toEqual({ status: 'rejected' });
    expect(settled({ decided: undefined })).toBeUndefined();
  });
});
