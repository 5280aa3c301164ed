/** The type of a detail for a step of an existing transaction. Intents start a new transaction. */
export const transactionStepType = 'urn:countersign:rar:v1:transaction_step';
