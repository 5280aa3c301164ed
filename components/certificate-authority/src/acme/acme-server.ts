import { createHmac } from 'node:crypto';
import {
  type AccountKey,
  acmeErrors,
  createReplayNonces,
  importAccountKey,
  type KeyedRequest,
  publicKeyDigest,
  readAccountBinding,
  readAccountUpdate,
  readCertificateIdentifier,
  readFinalization,
  readKeyChange,
  readNewAccount,
  readNewOrder,
  readRevocation,
  readSignedRequest,
  requireNoPayload,
  type VerifiedRequest,
  verifyAccountBinding,
  verifySignedRequest,
} from '@countersign/acme';
import {
  type CertificateOrder,
  type CertificateProfileName,
  certificateProfileNames,
  type IssuedCertificate,
  type ReleasedCertificate,
  type RevocationReason,
} from '@countersign/contracts';
import { isCodedError, sha256Base64Url } from '@countersign/kernel';
import { createSingleUse } from '@countersign/runtime';
import { keyIdentifierOf } from '@countersign/x509';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { parsed, readRequest } from '../forms.ts';
import { replacedCertificateThing } from '../issuance/certificate-commands.ts';
import type { Asking } from '../issuance/judge-order.ts';
import { releasedProfiles } from '../profiles.ts';
import { addOrder, findOrder, forgetOrders, listOrders, type StoredOrder } from './acme-store.ts';
import { accountOver, holderOf, type RefusedOperation } from './enrolment-commands.ts';
import { enrolmentRecordOf, enrolmentStatusOf, type StoredEnrolment } from './enrolment-state.ts';
import { acmeBaseOf, type Enrolments } from './enrolments.ts';
import { type RenewalWindow, renewalWindowOf } from './renewal-window.ts';

/** A request, not yet verified. */
export interface SignedRequest {
  readonly profile: CertificateProfileName;
  /** The public URL of the request. */
  readonly url: string;
  readonly body: string;
}

/** An order with the status that is derived from the log. */
export interface OrderState {
  readonly order: StoredOrder;
  readonly status: 'ready' | 'valid' | 'invalid';
  readonly certificate?: ReleasedCertificate;
}

/** The ACME server (RFC 8555) for accounts opened by an enrolment. Every POST consumes its nonce. */
export interface AcmeServer {
  /** @throws CodedError `acme_directory_unknown` */
  profileNamed(text: string): CertificateProfileName;
  nonce(): string;
  newAccount(request: SignedRequest): Promise<{ readonly account: StoredEnrolment; readonly created: boolean }>;
  /** Reads or deactivates an account. */
  account(request: SignedRequest, id: string): Promise<StoredEnrolment>;
  orders(request: SignedRequest, id: string): Promise<readonly StoredOrder[]>;
  keyChange(request: SignedRequest): Promise<StoredEnrolment>;
  newOrder(request: SignedRequest): Promise<OrderState>;
  order(request: SignedRequest, id: string): Promise<OrderState>;
  finalize(request: SignedRequest, id: string): Promise<OrderState>;
  /** @param index of the identifier in the order */
  authorization(
    request: SignedRequest,
    id: string,
    index: number,
  ): Promise<{ readonly order: StoredOrder; readonly identifier: StoredOrder['identifiers'][number] }>;
  certificate(request: SignedRequest, serial: string): Promise<ReleasedCertificate>;
  revoke(request: SignedRequest): Promise<void>;
  /** Renewal information (RFC 9773); public. */
  renewalInformation(identifier: string): Promise<RenewalWindow>;
  forget(): Promise<void>;
  stop(): Promise<void>;
}

/** What the ACME server needs of the certificate authority. */
export interface Issuing {
  /** Issues under a serial number chosen earlier; a repeated call returns the first certificate. */
  issueAs(
    serial: string,
    order: CertificateOrder & { readonly onlyReplacement?: boolean },
    by: Asking,
  ): Promise<ReleasedCertificate>;
  find(serial: string): Promise<ReleasedCertificate | undefined>;
  revoke(serial: string, reason: RevocationReason, by: Asking): Promise<IssuedCertificate>;
  newSerial(): string;
}

const nonceLifeMs = 10 * 60_000;
const orderLifeMs = 24 * 3_600_000;
const ordersKeptMs = 30 * 86_400_000;
const hour = 3_600_000;
const mostListed = 100;
const defaultOrdersPerHour = 100;

const { error } = acmeErrors;

const reasons: ReadonlyMap<number, RevocationReason> = new Map([
  [0, 'unspecified'],
  [1, 'keyCompromise'],
  [3, 'affiliationChanged'],
  [4, 'superseded'],
  [5, 'cessationOfOperation'],
  [9, 'privilegeWithdrawn'],
]);

export function createAcmeServer(
  dependencies: CertificateAuthorityDependencies & { readonly enrolments: Enrolments; readonly issuing: Issuing },
): AcmeServer {
  const { pool, audit, clock, random, issuer, logger, enrolments, issuing } = dependencies;
  const { ordersPerHour = defaultOrdersPerHour } = dependencies.acmeLimits ?? {};
  const secret = createHmac('sha256', dependencies.enrolmentKey).update('replay nonces').digest();
  const nonces = createReplayNonces({ secret, random, lifeMs: nonceLifeMs });
  const used = createSingleUse({ pool, clock, logger });

  const accountUrlOf = ({ profile, id }: Pick<StoredEnrolment, 'profile' | 'id'>) =>
    `${acmeBaseOf(issuer, profile)}/account/${id}`;

  /** Consumes a nonce. Called after the signature was verified, or strangers could consume the nonces of others. */
  async function claimNonce(nonce: string): Promise<void> {
    const expiresAt = nonces.endOf(nonce, clock.now());
    if (
      expiresAt === undefined ||
      (await used.claim({ purpose: 'acme-nonce', issuer: 'acme', id: nonce, expiresAt })) === 'replayed'
    )
      throw error('acme_nonce_bad', 'The nonce was used or has expired. Repeat the request with a new one.');
  }

  async function verified(request: KeyedRequest): Promise<VerifiedRequest> {
    const read = verifySignedRequest(request, request.key);
    await claimNonce(request.nonce);
    return read;
  }

  /** The account that a request names, with its signature verified. An account that has ended is refused. */
  async function byAccount(
    { profile, url, body }: SignedRequest,
    request = readSignedRequest(body, url),
  ): Promise<VerifiedRequest & { readonly account: StoredEnrolment }> {
    if (request.by !== 'account')
      throw error('acme_malformed', 'Name the account as kid; jwk is for new accounts and revocations only.');
    const prefix = `${acmeBaseOf(issuer, profile)}/account/`;
    const account = request.kid.startsWith(prefix)
      ? await enrolments.find(request.kid.slice(prefix.length))
      : undefined;
    if (account?.account === undefined || account.profile !== profile)
      throw error('acme_account_unknown', 'There is no such account in this directory.');
    const read = verifySignedRequest(request, importAccountKey(account.account.jwk));
    await claimNonce(request.nonce);
    if (enrolmentStatusOf(account, clock.now()) !== 'used') throw accountOver();
    return { ...read, account };
  }

  /** Records a refused request of an account. */
  async function refusing<Result>(
    operation: RefusedOperation,
    account: StoredEnrolment,
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work();
    } catch (refusal) {
      if (isCodedError(refusal) && Object.hasOwn(acmeErrors.codes, refusal.code))
        await enrolments.refuse(operation, refusal, account);
      throw refusal;
    }
  }

  const askingOf = (account: StoredEnrolment): Asking => ({
    ...holderOf(account),
    through: [],
    enrolment: enrolmentRecordOf(account.id),
  });

  async function ownOrder(account: StoredEnrolment, id: string): Promise<StoredOrder> {
    const order = await findOrder(pool, id);
    if (order === undefined || order.enrolment !== account.id)
      throw error('acme_order_unknown', 'This account has no such order.');
    return order;
  }

  /** Whether the certificate belongs to this account's principal and profile. If not, a row was altered. */
  const isOf = ({ holder, profile }: ReleasedCertificate, account: StoredEnrolment): boolean =>
    holder === account.holder && profile === account.profile;

  async function stateOf(order: StoredOrder, account: StoredEnrolment): Promise<OrderState> {
    const certificate = await issuing.find(order.serial);
    if (certificate !== undefined && !isOf(certificate, account))
      throw error('acme_order_unknown', 'This account has no such order.');
    if (certificate !== undefined) return { order, status: 'valid', certificate };
    return { order, status: clock.now() <= order.expiresAt ? 'ready' : 'invalid' };
  }

  /**
   * The serial number of the certificate that an order replaces; undefined when that certificate is no longer valid.
   */
  async function replacedBy(identifier: string, account: StoredEnrolment): Promise<string | undefined> {
    const found = await certificateNamed(identifier);
    if (found === undefined || !isOf(found, account))
      throw error('acme_malformed', 'The certificate to replace does not belong to this account.');
    const of = replacedCertificateThing(found.serial);
    if ((await audit.standings([of])).has(of))
      throw error('acme_already_replaced', 'The certificate to replace has already been replaced.');
    return found.status === 'valid' ? found.serial : undefined;
  }

  async function certificateNamed(text: string): Promise<ReleasedCertificate | undefined> {
    const identifier = readCertificateIdentifier(text);
    const found = identifier === undefined ? undefined : await issuing.find(identifier.serial);
    const [authority] = found?.chain ?? [];
    if (identifier === undefined || found === undefined || authority === undefined) return undefined;
    const key = keyIdentifierOf(parsed(authority).publicKey);
    return Buffer.compare(key, identifier.authorityKey) === 0 ? found : undefined;
  }

  /** A retry, without terms or after a crash, issues under the same serial number. */
  async function issue(order: StoredOrder, account: StoredEnrolment, csr: Uint8Array): Promise<OrderState> {
    checkIdentifiers(order.identifiers, account);
    const request = checkRequest(csr, order.identifiers, account);
    const before = await stateOf(order, account);
    if (before.status === 'invalid') throw error('acme_order_not_ready', 'The order has expired. Make a new one.');
    const certificate =
      before.certificate ??
      (await issuing.issueAs(
        order.serial,
        {
          profile: account.profile,
          holder: account.holder,
          request: csr,
          ...(order.replaces === undefined ? {} : { predecessor: order.replaces, onlyReplacement: true }),
        },
        askingOf(account),
      ));
    if (certificate.key !== sha256Base64Url(request.publicKey))
      throw error('acme_order_not_ready', 'The order was finalized with another key. Make a new one.');
    await requireStillOpen(account, certificate);
    return { order, status: 'valid', certificate };
  }

  /** A departure ends the enrolment and then the certificates that exist. A certificate issued in between ends here. */
  async function requireStillOpen(account: StoredEnrolment, { serial, status }: ReleasedCertificate): Promise<void> {
    const now = await enrolments.find(account.id);
    if (now !== undefined && enrolmentStatusOf(now, clock.now()) === 'used') return;
    if (status === 'valid') await issuing.revoke(serial, 'cessationOfOperation', holderOf(account));
    throw accountOver();
  }

  async function revokeBy(
    { certificate: der, reason }: ReturnType<typeof readRevocation>,
    by: (found: ReleasedCertificate) => boolean,
  ): Promise<void> {
    const given = reasons.get(reason ?? 0);
    if (given === undefined)
      throw error('acme_reason_refused', `Reasons are ${[...reasons.keys()].join(', ')} (RFC 5280 section 5.3.1).`);
    const found = await issuing.find(serialIn(der));
    if (found === undefined || Buffer.compare(found.certificate, der) !== 0)
      throw error('acme_certificate_unknown', 'This authority did not issue this certificate.');
    if (!by(found))
      throw error('acme_unauthorized', 'The certificate belongs neither to this account nor to this key.');
    if (found.status === 'revoked') throw error('acme_already_revoked', 'The certificate has already been revoked.');
    await issuing.revoke(found.serial, given, { id: found.holder, institution: found.institution, through: [] });
  }

  return {
    profileNamed(text) {
      const name = certificateProfileNames.find((known) => known === text);
      if (name === undefined || releasedProfiles[name].holders.every((kind) => kind === 'device'))
        throw error('acme_directory_unknown', 'There is no directory for this profile.');
      return name;
    },
    nonce: () => nonces.make(clock.now()),

    async newAccount({ profile, url, body }) {
      const request = readSignedRequest(body, url);
      if (request.by !== 'key') throw error('acme_malformed', 'A new account request carries its key as jwk.');
      const { key, payload } = await verified(request);
      const { onlyReturnExisting, binding } = readNewAccount(payload);
      const existing = await enrolments.findByKey(key.thumbprint);
      if (existing !== undefined) {
        if (existing.profile !== profile)
          throw error('acme_unauthorized', 'The account of this key belongs to another directory. Use another key.');
        if (enrolmentStatusOf(existing, clock.now()) !== 'used') throw accountOver();
        return { account: existing, created: false };
      }
      if (onlyReturnExisting) throw error('acme_account_unknown', 'This key has no account.');
      if (binding === undefined)
        throw error(
          'acme_binding_required',
          'A new account needs an enrolment: send its key identifier, signed with its HMAC key (external account binding).',
        );
      const unverified = readAccountBinding(binding, url);
      const enrolment = await enrolments.find(unverified.keyId);
      if (enrolment === undefined || enrolment.profile !== profile)
        throw error(
          'acme_unauthorized',
          'The external account binding does not verify. Check the key identifier and the HMAC key.',
        );
      verifyAccountBinding(unverified, enrolments.secretOf(enrolment.id), key);
      await enrolments.use({ id: enrolment.id, key });
      const account = await enrolments.find(enrolment.id);
      if (account === undefined) throw new Error('an account was opened and cannot be found');
      return { account, created: true };
    },

    async account(request, id) {
      const { account, payload } = await byAccount(request);
      if (account.id !== id) throw error('acme_unauthorized', 'This is not the account that signed the request.');
      if (readAccountUpdate(payload).deactivate)
        await enrolments.end(account.id, 'deactivated by its client', holderOf(account));
      return (await enrolments.find(account.id)) ?? account;
    },

    async orders(request, id) {
      const { account, payload } = await byAccount(request);
      requireNoPayload(payload);
      if (account.id !== id) throw error('acme_unauthorized', 'This is not the account that signed the request.');
      return listOrders(pool, account.id, mostListed);
    },

    async keyChange(request) {
      const { account, payload, key } = await byAccount(request);
      const newKey = readKeyChange(payload, { url: request.url, account: accountUrlOf(account), key });
      const holder = await enrolments.findByKey(newKey.thumbprint);
      if (holder !== undefined)
        throw error('acme_key_in_use', 'This key already has an account. Make a new key.', {
          facts: { account: accountUrlOf(holder) },
        });
      await enrolments.changeKey({ id: account.id, key: newKey });
      return (await enrolments.find(account.id)) ?? account;
    },

    async newOrder(request) {
      const { account, payload } = await byAccount(request);
      const { identifiers, profile, replaces } = readNewOrder(payload);
      return refusing('order', account, async () => {
        if (profile !== undefined && profile !== account.profile)
          throw error('acme_profile_unknown', `This account is for the profile ${account.profile}.`);
        checkIdentifiers(identifiers, account);
        const now = clock.now();
        const predecessor = replaces === undefined ? undefined : await replacedBy(replaces, account);
        const order: StoredOrder = {
          id: Buffer.from(random.bytes(16)).toString('base64url'),
          enrolment: account.id,
          identifiers,
          serial: issuing.newSerial(),
          replaces: predecessor,
          createdAt: now,
          expiresAt: now + orderLifeMs,
        };
        if (!(await addOrder(pool, order, { since: now - hour, orders: ordersPerHour })))
          throw error('acme_rate_limited', `An account can make at most ${ordersPerHour} orders an hour.`);
        return { order, status: 'ready' };
      });
    },

    async order(request, id) {
      const { account, payload } = await byAccount(request);
      requireNoPayload(payload);
      return stateOf(await ownOrder(account, id), account);
    },

    async finalize(request, id) {
      const { account, payload, key } = await byAccount(request);
      const csr = readFinalization(payload);
      const order = await ownOrder(account, id);
      return refusing('finalize', account, async () => {
        requireOtherKey(csr, key);
        return issue(order, account, csr);
      });
    },

    async authorization(request, id, index) {
      const { account, payload } = await byAccount(request);
      const { deactivate } = readAccountUpdate(payload);
      if (deactivate)
        throw error('acme_unauthorized', 'The enrolment fixes the identifiers. To end it, use `countersign pki`.');
      const order = await ownOrder(account, id);
      const identifier = order.identifiers[index];
      if (identifier === undefined) throw error('acme_order_unknown', 'The order has no such authorization.');
      return { order, identifier };
    },

    async certificate(request, serial) {
      const { account, payload } = await byAccount(request);
      requireNoPayload(payload);
      const found = await issuing.find(serial);
      if (found === undefined || !isOf(found, account))
        throw error('acme_certificate_unknown', 'This account has no such certificate.');
      return found;
    },

    async revoke(request) {
      const unverified = readSignedRequest(request.body, request.url);
      if (unverified.by === 'key') {
        const { key, payload } = await verified(unverified);
        await revokeBy(readRevocation(payload), (found) => found.key === publicKeyDigest(key));
        return;
      }
      const { account, payload } = await byAccount(request, unverified);
      await refusing('revoke', account, () => revokeBy(readRevocation(payload), (found) => isOf(found, account)));
    },

    async renewalInformation(identifier) {
      const found = await certificateNamed(identifier);
      if (found === undefined) throw error('acme_certificate_unknown', 'There is no such certificate.');
      return renewalWindowOf(found, clock.now());
    },

    async forget() {
      await forgetOrders(pool, clock.now() - ordersKeptMs);
    },
    stop: () => used.stop(),
  };
}

/** What the enrolment permits: its hosts or, for profiles without hosts, the principal itself. */
function checkIdentifiers(
  identifiers: readonly { readonly type: string; readonly value: string }[],
  account: StoredEnrolment,
): void {
  const { namesHosts } = releasedProfiles[account.profile];
  const permitted = namesHosts
    ? account.dnsNames.map((value) => `dns:${value}`)
    : [`permanent-identifier:${account.holder}`];
  const other = identifiers.find(({ type, value }) => !permitted.includes(`${type}:${value}`));
  if (other !== undefined)
    throw error(
      'acme_identifier_refused',
      `The enrolment permits ${permitted.join(', ')}. The order names another identifier.`,
    );
}

/** RFC 8555 section 7.4: the request names exactly the identifiers of the order. */
function checkRequest(csr: Uint8Array, identifiers: StoredOrder['identifiers'], account: StoredEnrolment) {
  const refuse = (detail: string) => error('acme_csr_refused', detail);
  const request = readRequestOr(csr, refuse);
  const named = new Set(request.names.filter(({ kind }) => kind === 'dns').map(({ value }) => value.toLowerCase()));
  const ordered = new Set(identifiers.filter(({ type }) => type === 'dns').map(({ value }) => value));
  const differs = named.size !== ordered.size || [...named].some((name) => !ordered.has(name));
  if (differs || request.names.some(({ kind }) => kind !== 'dns' && kind !== 'uri'))
    throw refuse('The names in the certificate request are not exactly the identifiers of the order.');
  const known = new Set([...ordered, account.holder]);
  if (request.commonNames.some((name) => !known.has(name) && !known.has(name.toLowerCase())))
    throw refuse('The common name in the certificate request is not an identifier of the order.');
  return request;
}

function readRequestOr(csr: Uint8Array, refuse: (detail: string) => Error) {
  try {
    return readRequest(csr);
  } catch (cause) {
    if (isCodedError(cause)) throw refuse(cause.detail);
    throw cause;
  }
}

/** RFC 8555 section 11.1: the key of an account must not be the key of a certificate. */
function requireOtherKey(csr: Uint8Array, key: AccountKey): void {
  const { publicKey } = readRequestOr(csr, (detail) => error('acme_csr_refused', detail));
  if (sha256Base64Url(publicKey) === publicKeyDigest(key))
    throw error('acme_csr_refused', 'The certificate has the key of the account. Make another key.');
}

/** @returns an empty text when it cannot be read */
function serialIn(certificate: Uint8Array): string {
  try {
    return Buffer.from(parsed(certificate).serial).toString('hex');
  } catch (cause) {
    if (isCodedError(cause)) return '';
    throw cause;
  }
}
