/** Routes that another specification describes. They are listed here so that the document is complete. */
export interface StandardInterface {
  /** The paths. A trailing `*` matches everything below. */
  readonly paths: readonly string[];
  readonly specification: string;
  readonly url: string;
}

const rfc = (number: number) => `https://www.rfc-editor.org/rfc/rfc${number}`;

export const standardInterfaces: readonly StandardInterface[] = [
  { paths: ['/token'], specification: 'OAuth 2.0, and the grants of RFC 7523, RFC 8693 and CIBA', url: rfc(6749) },
  {
    paths: ['/provisioning-token'],
    specification: 'OAuth 2.0: a token request and its answer, for a provisioning token (docs/guides/provisioning.md)',
    url: rfc(6749),
  },
  { paths: ['/par'], specification: 'Pushed authorization requests', url: rfc(9126) },
  { paths: ['/authorize', '/authorize/*'], specification: 'OAuth 2.0: the authorization endpoint', url: rfc(6749) },
  { paths: ['/introspect'], specification: 'Token introspection, with signed answers (RFC 9701)', url: rfc(7662) },
  { paths: ['/revoke'], specification: 'Token revocation', url: rfc(7009) },
  { paths: ['/jwks'], specification: 'JSON Web Key Set', url: rfc(7517) },
  {
    paths: ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'],
    specification: 'Authorization server metadata',
    url: rfc(8414),
  },
  { paths: ['/.well-known/oauth-protected-resource/*'], specification: 'Protected resource metadata', url: rfc(9728) },
  { paths: ['/register', '/register/*'], specification: 'Dynamic client registration, and RFC 7592', url: rfc(7591) },
  {
    paths: ['/userinfo'],
    specification: 'OpenID Connect Core',
    url: 'https://openid.net/specs/openid-connect-core-1_0.html',
  },
  {
    paths: ['/logout', '/logout/*'],
    specification: 'OpenID Connect RP-Initiated Logout',
    url: 'https://openid.net/specs/openid-connect-rpinitiated-1_0.html',
  },
  {
    paths: ['/bc-authorize'],
    specification: 'OpenID Connect CIBA',
    url: 'https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html',
  },
  {
    paths: ['/grants/:grant_id'],
    specification: 'Grant Management for OAuth 2.0, draft 03; where the feature is on',
    url: 'https://openid.net/specs/oauth-v2-grant-management.html',
  },
  {
    paths: ['/.well-known/est/*'],
    specification: 'Enrolment over Secure Transport, with RFC 8951 and RFC 9908 (docs/guides/certificates.md)',
    url: rfc(7030),
  },
  { paths: ['/scim/v2/*'], specification: 'SCIM 2.0: Protocol, with the Core Schema of RFC 7643', url: rfc(7644) },
  {
    paths: ['/acme/*'],
    specification: 'ACME, with external account binding and renewal information (RFC 9773)',
    url: rfc(8555),
  },
  {
    paths: ['/access/v1/*', '/.well-known/authzen-configuration'],
    specification: 'OpenID AuthZEN Authorization API 1.0',
    url: 'https://openid.net/specs/authorization-api-1_0.html',
  },
  {
    paths: [
      ...['/sign-in/*', '/sign-out', '/enrol/*', '/device/*', '/me', '/me/*', '/assets/*'],
      ...['/approvals', '/approvals/*', '/approve', '/approve/*'],
      ...['/recover', '/recovery', '/recovery/*', '/break-glass', '/break-glass/*'],
    ],
    specification: 'HTML: pages for people, with what they are made of; no interface',
    url: 'https://html.spec.whatwg.org/',
  },
];

/** @param url in the router's form, e.g. `/register/:client_id` */
export function isStandardInterface(url: string): boolean {
  return standardInterfaces.some(({ paths }) =>
    paths.some((path) => (path.endsWith('*') ? url.startsWith(path.slice(0, -1)) : path === url)),
  );
}
