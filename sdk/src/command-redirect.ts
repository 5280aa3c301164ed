/** Loopback listener of an operator command (RFC 8252). */
export const commandRedirectUri = 'http://127.0.0.1:7428/signed-in';
