import { type EventTopic, eventErrors, eventTopics } from '@countersign/contracts';

/** @throws CodedError `subscription_invalid` */
export function parseTopics(asked: readonly string[]): readonly EventTopic[] {
  const topics = eventTopics.filter((topic) => asked.includes(topic));
  if (topics.length === 0 || asked.some((topic) => !eventTopics.some((known) => known === topic)))
    throw eventErrors.error('subscription_invalid', `Topics are one or more of ${eventTopics.join(', ')}.`);
  return topics;
}
