import { derivedId, type NoticeId, sha256 } from '@countersign/kernel';

/** Whoever tells it again tells it under the same id. @param about what happened once, such as the record that says so */
export function noticeIdOf(about: string): NoticeId {
  return derivedId('notice', 0, sha256(`authentication ${about}`).subarray(0, 10));
}
