-- A client of the profile oidc can be registered to use a nonce instead of PKCE (RFC 9700 section 2.1.1).
alter table authorization_codes alter column code_challenge drop not null;
