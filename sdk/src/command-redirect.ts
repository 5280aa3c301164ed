/** Where the browser of somebody who signs in for a command of the operator is sent: a listener on their own machine (RFC 8252). */
export const commandRedirectUri = 'http://127.0.0.1:7428/signed-in';
