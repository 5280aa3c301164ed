/** The type of a detail that is about a step of a transaction, where those of intents begin one. */
export const transactionStepType = 'urn:countersign:rar:v1:transaction_step';
