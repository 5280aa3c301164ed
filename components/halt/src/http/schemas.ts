import { haltKinds } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type TProperties, Type } from 'typebox';

const closed = <Members extends TProperties>(members: Members, title?: string) =>
  Type.Object(members, { additionalProperties: false, ...defined({ title }) });

const instant = Type.String({ description: 'RFC 3339' });
const person = closed({ id: Type.String(), institution: Type.Optional(Type.String()) });
const reason = Type.String({ minLength: 1, maxLength: 500, description: 'Recorded as evidence: do not name people' });
const kind = Type.Enum([...haltKinds]);
const id = Type.String({
  minLength: 1,
  maxLength: 256,
  pattern: '^[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?$',
  description: 'LEI, desk id (LEI, `/` and name), principal id, client id, MIC, or CFI category (one letter)',
});

export const tripBody = closed({ kind, id, reason });
export const listQuery = closed({
  status: Type.Optional(Type.Union([Type.Literal('in-force'), Type.Literal('released')])),
});
export const haltParams = closed({ halt: Type.String({ maxLength: 40 }) });
export const releaseParams = closed({ release: Type.String({ maxLength: 40 }) });
export const releaseBody = closed({ reason });
export const approveBody = closed({
  digest: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: '`digest` of the release, as it was shown' }),
});

export const releaseAnswer = closed(
  {
    release: Type.String({ description: 'Record id' }),
    halt: Type.String({ description: 'Record id of the trip that it releases' }),
    status: Type.Enum(['proposed', 'approved', 'rejected', 'outdated', 'expired'], {
      description: '`outdated`: the halt was tripped again',
    }),
    reason: Type.String(),
    digest: Type.String({ description: 'What an approver names' }),
    proposed_by: person,
    proposed_at: instant,
    expires_at: instant,
    decided_by: Type.Optional(person),
    decided_at: Type.Optional(instant),
  },
  'HaltRelease',
);
export const haltAnswer = closed(
  {
    halt: Type.String({ description: 'Record id of the latest trip' }),
    kind,
    id: Type.String(),
    party: Type.String({ description: '`operator`, or the LEI of the institution whose own trading is halted' }),
    status: Type.Union([Type.Literal('in-force'), Type.Literal('released')]),
    trips: Type.Array(closed({ record: Type.String(), by: person, at: instant, reason: Type.String() }), {
      description: 'Oldest first',
    }),
    released_by: Type.Optional(person),
    released_at: Type.Optional(instant),
  },
  'Halt',
);
export const haltWithReleases = closed({ halt: haltAnswer, releases: Type.Array(releaseAnswer) });
export const haltList = closed({ halts: Type.Array(haltAnswer) });
