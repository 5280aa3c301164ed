import { errorVocabulary, type Json, type RecordId, type SubscriptionId } from '@countersign/kernel';
import type { Actor } from './audit-log.ts';

/**
 * Kinds of events by subject. Every event reports a record of the log, and only parties receive it.
 */
export const eventTopics = ['mandate', 'transaction', 'approval', 'exception', 'principal'] as const;
export type EventTopic = (typeof eventTopics)[number];

/** A CloudEvent (CloudEvents 1.0.2, JSON format). */
export interface CloudEvent {
  readonly specversion: '1.0';
  /** The record's id, so that a repeated event has the same id. */
  readonly id: RecordId;
  readonly source: string;
  /** `countersign.` and the record type. */
  readonly type: string;
  /** Id of the mandate, transaction or principal. */
  readonly subject: string;
  /** RFC 3339: the record's. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Log index as 20 digits, which sort as text (extension `sequence`). Gaps are events of other parties. */
  readonly sequence: string;
  readonly data: Json;
}

export interface EventPage {
  readonly events: readonly CloudEvent[];
  /** Pass it as `after` of the next query, also when there are no events. It skips events of other parties. */
  readonly position: string;
}

/** An institution's delivery address for events. */
export interface EventSubscription {
  readonly id: SubscriptionId;
  /** LEI. */
  readonly institution: string;
  /** Normalized (WHATWG URL), as used for delivery and signature. */
  readonly url: string;
  readonly topics: readonly EventTopic[];
  /**
   * `suspended` after three days without delivery, or when the address answered 410. Nothing is lost: delivery resumes at the
   * same position.
   */
  readonly status: 'active' | 'suspended';
  /** Log position up to which all events are delivered. */
  readonly position: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Failed attempts for the current event. */
  readonly attempts: number;
  /** The most recent failure; delivery may have succeeded since. */
  readonly lastFailure?: { readonly at: string; readonly detail: string };
}

export const eventErrors = errorVocabulary({
  /** Not a position that this interface issued. Waiting at such a position could miss events. */
  event_position_invalid: 'invalid',
  /** Unknown topic or invalid address. */
  subscription_invalid: 'invalid',
  subscription_not_found: 'not-found',
  /** At most 16 for each institution. */
  subscriptions_too_many: 'conflict',
  /** Too many open event streams in this process or for this institution. */
  event_streams_busy: 'unavailable',
});

/**
 * Events for the parties concerned: in log order, at least once, from any position. Current and proposed parties of a mandate get
 * its events; parties of a transaction get its events and exceptions; an institution gets its own approvals and departures. No
 * event contains a person's name, a key, a signature, a limit, an intent, or the input of a decision.
 *
 * Methods that read the log throw `log_unavailable` while it cannot be read.
 */
export interface EventPublisher {
  /**
   * @param query.after from the first event when left out
   * @param query.limit 1 to 500; 100 when left out. A page may be shorter although more events follow
   * @throws CodedError `event_position_invalid`
   */
  read(
    institution: string,
    query: { readonly after?: string; readonly topics?: readonly EventTopic[]; readonly limit?: number },
  ): Promise<EventPage>;
  /** New events, starting after `after` or now, until the signal aborts. @throws CodedError `event_position_invalid` */
  follow(
    institution: string,
    query: { readonly after?: string; readonly topics?: readonly EventTopic[] },
    signal: AbortSignal,
  ): AsyncIterable<CloudEvent>;
  /**
   * Recorded first. Repeating it with the same URL and topics returns the existing subscription.
   *
   * @throws CodedError `subscription_invalid`, `subscriptions_too_many`, `event_position_invalid`
   */
  subscribe(
    request: {
      readonly institution: string;
      readonly url: string;
      readonly topics: readonly string[];
      /** Start position; now when left out. */
      readonly after?: string;
    },
    by: Actor,
  ): Promise<EventSubscription>;
  /** An event already in delivery may still arrive. @throws CodedError `subscription_not_found` */
  unsubscribe(institution: string, id: SubscriptionId, by: Actor): Promise<void>;
  /** Resumes a suspended subscription at its position. @throws CodedError `subscription_not_found`, `authority_unproven` */
  resume(institution: string, id: SubscriptionId, by: Actor): Promise<EventSubscription>;
  subscriptions(institution: string): Promise<readonly EventSubscription[]>;
}
