import type { Caller } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { requireUndelegated } from './change-request.ts';

const institution = '529900ASSETMNGRDEM02';
const caller = (subject: string, ...actors: readonly string[]): Caller => ({
  ...{ subject, actors, institution },
  client: 'countersign-cli',
  scope: ['policy:propose'],
  tokenId: 'tok_x',
  authorizationDetails: [],
});

describe('a step of the policies', () => {
  it.each([
    ['software for itself', caller('service:countersign-cli')],
    ['a person for themselves', caller('person:ada.first')],
    ['a person with the software that they signed in to', caller('person:ada.first', 'service:cli')],
  ])('is accepted from %s', (_, by) => {
    expect(requireUndelegated(by)).toEqual({ id: by.subject, institution, through: by.actors });
  });

  it.each([
    ['software that acts for other software', caller('service:countersign-cli', 'agent:a')],
    ['software behind that of a person', caller('person:ada.first', 'service:relay', 'service:cli')],
  ])('is refused from %s', (_, by) => {
    expect(() => requireUndelegated(by)).toThrow(
      expect.toSatisfy((error: unknown) => isCodedError(error, 'insufficient_scope')),
    );
  });
});
