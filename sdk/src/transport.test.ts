import { describe, expect, it } from 'vitest';
import { refusalOf } from './transport.ts';

describe('a refusal of the token endpoint', () => {
  const refused = (body: object) => refusalOf({ status: 400, body });

  it('names the rule that refused, and the transaction that an approval would release', () => {
    const body = {
      error: 'access_denied',
      error_description: 'Two have to agree.',
      reason: 'approval_new_destination',
    };
    expect(refused(body)).toMatchObject({ code: 'access_denied', detail: 'Two have to agree.', category: 'invalid' });
    expect(refused(body).facts).toEqual({ reason: 'approval_new_destination' });
    expect(refused({ ...body, txn: 'txn_1' }).facts).toEqual({ reason: 'approval_new_destination', txn: 'txn_1' });
  });

  it('is returned for any answer', () => {
    for (const body of [{}, { error: 7, txn: ['txn_1'], reason: {} }])
      expect(refused(body)).toMatchObject({ code: 'unexpected_answer', facts: undefined });
  });
});
