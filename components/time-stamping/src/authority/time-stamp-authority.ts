import type { AuditAppender, RecordDraft, Signer } from '@countersign/contracts';
import { timeStampErrors } from '@countersign/contracts';
import {
  type Clock,
  isCodedError,
  type Json,
  newId,
  type Random,
  sha256Base64Url,
  toInstant,
} from '@countersign/kernel';
import {
  buildTimeStampToken,
  encodeGrantedResponse,
  encodeRejectedResponse,
  readTimeStampRequest,
  type TimeStampFailure,
  type TimeStampRequest,
} from '@countersign/x509';
import { accuracyOf, type ClockQuality } from '../clock-quality.ts';
import type { AuthorityCertificates } from './authority-certificates.ts';
import { serialNumberOf } from './serial-number.ts';

export interface TimeStampAuthorityDependencies {
  readonly audit: AuditAppender;
  readonly signer: Pick<Signer, 'sign'>;
  readonly certificates: AuthorityCertificates;
  /** Object identifier. */
  readonly policy: string;
  readonly clockQuality: () => ClockQuality | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Asking {
  readonly address?: string;
}

export interface TimeStampAuthority {
  /**
   * Answers a request (RFC 3161 section 2.4) with a DER TimeStampResp that was recorded first. @throws CodedError
   * `log_unavailable`, `signing_key_unavailable`, or another of the category `unavailable`
   */
  answer(request: Uint8Array, asking: Asking): Promise<Uint8Array>;
  /**
   * A token over a digest of our own. @throws CodedError `timestamp_refused` while the clock is not within its budget
   */
  issue(request: Pick<TimeStampRequest, 'imprint' | 'certificateWanted' | 'nonce'>): Promise<Uint8Array>;
}

interface Refusal {
  readonly failure: TimeStampFailure;
  readonly detail: string;
}

/** RFC 3161. */
export function createTimeStampAuthority(dependencies: TimeStampAuthorityDependencies): TimeStampAuthority {
  const { audit, signer, certificates, policy, clockQuality, clock, random } = dependencies;

  function refusalOf(request: TimeStampRequest): Refusal | undefined {
    if (request.extensions.length > 0)
      return { failure: 'unacceptedExtension', detail: 'This authority knows no extensions.' };
    if (request.policy !== undefined && request.policy !== policy)
      return { failure: 'unacceptedPolicy', detail: `This authority stamps under the policy ${policy} alone.` };
    return refusalByClock();
  }

  function refusalByClock(): Refusal | undefined {
    return clockQuality()?.withinBudget === false
      ? { failure: 'timeNotAvailable', detail: 'The clock is not within its budget. Try again later.' }
      : undefined;
  }

  async function refuse({ failure, detail }: Refusal, asking: Asking): Promise<Uint8Array> {
    await audit.append({
      ...draft('timestamp.refused', asking),
      outcome: 'deny',
      reason: failure === 'timeNotAvailable' ? 'timestamp_unavailable' : 'timestamp_request_malformed',
      data: { failure, detail },
    });
    return encodeRejectedResponse(failure, detail);
  }

  function draft(type: 'timestamp.issued' | 'timestamp.refused', { address }: Asking) {
    return {
      id: newId('record', { clock, random }),
      type,
      source: 'time-stamping',
      ...(address === undefined ? {} : { address }),
    } satisfies Partial<RecordDraft>;
  }

  async function token(
    request: Pick<TimeStampRequest, 'imprint' | 'certificateWanted' | 'nonce'>,
    asking: Asking,
  ): Promise<Uint8Array> {
    const { kid, certificate } = await certificates.current();
    const record = draft('timestamp.issued', asking);
    const serial = serialNumberOf(record.id);
    const accuracyMicroseconds = accuracyOf(clockQuality());
    const at = clock.now();
    const made = await buildTimeStampToken({
      info: {
        policy,
        imprint: request.imprint,
        serial,
        at,
        ...(accuracyMicroseconds === undefined ? {} : { accuracyMicroseconds }),
        ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
      },
      certificate,
      certificateIncluded: request.certificateWanted,
      sign: async (octets) => (await signer.sign('time-stamp', kid, octets)).signature,
    });
    await audit.append({
      ...record,
      outcome: 'done',
      data: {
        serial: serial.toString(16),
        time: toInstant(at),
        digest_algorithm: request.imprint.hash,
        digest: Buffer.from(request.imprint.digest).toString('base64url'),
        policy,
        ...(accuracyMicroseconds === undefined ? {} : { accuracy_us: accuracyMicroseconds }),
        certificate: sha256Base64Url(certificate),
        token_digest: sha256Base64Url(made),
      } satisfies Json,
    });
    return made;
  }

  return {
    async answer(octets, asking) {
      const read = readRequest(octets);
      if ('failure' in read) return refuse(read, asking);
      const refusal = refusalOf(read);
      if (refusal !== undefined) return refuse(refusal, asking);
      return encodeGrantedResponse(await token(read, asking));
    },
    async issue(request) {
      const refusal = refusalByClock();
      if (refusal !== undefined) throw timeStampErrors.error('timestamp_refused', refusal.detail);
      return token(request, {});
    },
  };
}

function readRequest(octets: Uint8Array): TimeStampRequest | Refusal {
  try {
    return readTimeStampRequest(octets);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    const failure = error.code === 'algorithm_unsupported' ? 'badAlg' : 'badDataFormat';
    return { failure, detail: error.detail };
  }
}
