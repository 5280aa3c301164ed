/** The redirect URI of a sign-in for an operator command: a loopback listener on the person's machine (RFC 8252). */
export const commandRedirectUri = 'http://127.0.0.1:7428/signed-in';
