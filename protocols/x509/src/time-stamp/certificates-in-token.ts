import { isCodedError } from '@countersign/kernel';
import { readSignedData } from '../cms/signed-data.ts';
import { maxTokenOctets } from './verify-time-stamp-token.ts';

/**
 * DER of the certificates that came inside a token; none for what is no token. Nobody vouches for them: who trusts them
 * learns only that the token fits itself.
 */
export function certificatesInToken(token: Uint8Array): readonly Uint8Array[] {
  if (token.length > maxTokenOctets) return [];
  try {
    return readSignedData(token).certificates.map(({ encoding }) => encoding);
  } catch (error) {
    if (isCodedError(error)) return [];
    throw error;
  }
}
