import { errorVocabulary, type Json, type RecordId, type SubscriptionId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';

/**
 * Kinds of events, by what they are about. An event says that something is in the log; nothing is evented that is
 * not, and who is no party hears nothing.
 */
export const eventTopics = ['mandate', 'transaction', 'approval', 'exception', 'principal'] as const;
export type EventTopic = (typeof eventTopics)[number];

/** A CloudEvent (CloudEvents 1.0.2, JSON format). */
export interface CloudEvent {
  readonly specversion: '1.0';
  /** The record's id: the same event sent twice has the same. */
  readonly id: RecordId;
  /** Origin of the log. */
  readonly source: string;
  /** `countersign.` and the record type. */
  readonly type: string;
  /** What it is about: the id of a mandate, a transaction or a principal. */
  readonly subject: string;
  /** RFC 3339: the record's. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Place in the log, as text of 20 digits, so that it sorts as text (extension `sequence`): gaps are others' events. */
  readonly sequence: string;
  readonly data: Json;
}

export interface EventPage {
  readonly events: readonly CloudEvent[];
  /** Where to go on from: pass it as `after`, also when there are no events. It moves on past what is others'. */
  readonly position: string;
}

/** Where an institution has its events sent. */
export interface EventSubscription {
  readonly id: SubscriptionId;
  /** LEI. */
  readonly institution: string;
  /** As it is sent to and signed for: normalized (WHATWG URL). */
  readonly url: string;
  readonly topics: readonly EventTopic[];
  /**
   * `suspended` when it could not be delivered for three days, or the address said that it is gone (410): nothing is
   * lost, it goes on from where it was.
   */
  readonly status: 'active' | 'suspended';
  /** Place in the log up to which everything has been delivered. */
  readonly position: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** That failed, of the event that is being delivered. */
  readonly attempts: number;
  /** The last there was; it may have been overcome since. */
  readonly lastFailure?: { readonly at: string; readonly detail: string };
}

export const eventErrors = errorVocabulary({
  /** Not a position that was given as one: to wait there would be to miss what comes before it. */
  event_position_invalid: 'invalid',
  /** Topics or address are none. */
  subscription_invalid: 'invalid',
  subscription_not_found: 'not-found',
  /** An institution keeps at most 16. */
  subscriptions_too_many: 'conflict',
  /** More follow events here than one process serves, or than one institution may. */
  event_streams_busy: 'unavailable',
});

/**
 * What has happened, for those it concerns: ordered as the log is, at least once, from any position. A mandate's events
 * are for everybody with a part in it, or who is to have one; a transaction's and its exceptions' for its parties;
 * approvals and departures for the institution whose they are. No event holds a person's name, a key, a signature, a
 * limit, an intent, or what went into a decision.
 *
 * Everything that reads the log throws `log_unavailable` while that cannot be read.
 */
export interface EventPublisher {
  /**
   * @param query.after from the first event when left out
   * @param query.limit 1 to 500; 100 when left out. There may be fewer, and more behind them
   * @throws CodedError `event_position_invalid`
   */
  read(
    institution: string,
    query: { readonly after?: string; readonly topics?: readonly EventTopic[]; readonly limit?: number },
  ): Promise<EventPage>;
  /** As they happen, beginning after `after` or now. Ends when the signal does. @throws CodedError `event_position_invalid` */
  follow(
    institution: string,
    query: { readonly after?: string; readonly topics?: readonly EventTopic[] },
    signal: AbortSignal,
  ): AsyncIterable<CloudEvent>;
  /**
   * Recorded first. The same URL and topics again: the subscription there is.
   *
   * @throws CodedError `subscription_invalid`, `subscriptions_too_many`, `event_position_invalid`
   */
  subscribe(
    request: {
      readonly institution: string;
      readonly url: string;
      readonly topics: readonly string[];
      /** From where; from now on when left out. */
      readonly after?: string;
    },
    by: Actor,
  ): Promise<EventSubscription>;
  /** An event that is on its way may still come. @throws CodedError `subscription_not_found` */
  unsubscribe(institution: string, id: SubscriptionId, by: Actor): Promise<void>;
  /** Tries a suspended one again, from where it was. @throws CodedError `subscription_not_found`, `authority_unproven` */
  resume(institution: string, id: SubscriptionId, by: Actor): Promise<EventSubscription>;
  subscriptions(institution: string): Promise<readonly EventSubscription[]>;
}
