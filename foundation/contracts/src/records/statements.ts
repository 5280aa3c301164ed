import { closed, open, text } from './shape.ts';

/** A complete statement that a person signed, so that it can be verified from the record alone. */
export const signedStatementMembers = {
  statement: closed(
    {
      claims: open('What was signed: the challenge is the SHA-256 over its canonical form (RFC 8785)'),
      signature: closed({
        credential_id: text('base64url'),
        authenticator_data: text('base64url'),
        client_data_json: text('base64url'),
        signature: text('base64url'),
        rp_id: text(),
        origin: text(),
      }),
    },
    'WebAuthn Level 3',
  ),
  key: open('Public key of the authenticator (RFC 7517)'),
};
