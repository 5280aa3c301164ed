import { accessErrors, type ResourceGuard } from '@countersign/contracts';
import { approver, proposer } from './governance-rig.ts';

const people: Readonly<Record<string, { id: string; institution?: string }>> = {
  proposer,
  approver,
  person: { ...proposer, id: 'person:ada.first' },
};

/** A test token names who asked, for which scopes, and the acting parties: `proposer~policy:propose~agent:a,service:b`. */
export const guard: ResourceGuard = {
  async check({ authorization }, { scope }) {
    const [, name = '', granted, actor] = /^DPoP (\w+)~(\S+?)(?:~(\S+))?$/.exec(authorization[0] ?? '') ?? [];
    const person = people[name];
    if (person === undefined) throw accessErrors.error('token_missing', 'no token');
    if (granted !== scope) throw accessErrors.error('insufficient_scope', `the token holds ${String(granted)}`);
    return {
      subject: person.id,
      client: name,
      institution: person.institution ?? '',
      actors: actor?.split(',') ?? [],
      scope: [scope],
      tokenId: 'tok_x',
      authorizationDetails: [],
    };
  },
};
